package streams

// Sticky are the fields that stay on an item when [Products.Condense] is given none: they differ between items by their nature.
var Sticky = []string{"path", "sha256", "md5", "size"}

// Condense moves string fields that all siblings share to their parent, from items up to products, unless the parent
// has another value. Fields named in sticky stay on the items.
func (p *Products) Condense(sticky []string) {
	stays := map[string]bool{}
	for _, key := range sticky {
		stays[key] = true
	}
	for _, product := range p.Products.All() {
		for _, v := range product.Versions.All() {
			moveUp(&v.Attrs, &v.Items, func(i *Item) *Attrs { return &i.Attrs }, stays)
		}
		moveUp(&product.Attrs, &product.Versions, func(v *Version) *Attrs { return &v.Attrs }, stays)
	}
}

// moveUp moves what children share to their parent.
func moveUp[T any](parent *Attrs, children *Nodes[T], attrs func(T) *Attrs, stays map[string]bool) {
	if children.Len() == 0 {
		return
	}
	var moved []string
	for key, v := range attrs(children.list[0].value).All() {
		if v.Kind() != Text || stays[key] || !shared(key, v, children, attrs) {
			continue
		}
		if own := parent.Get(key); own.Kind() == Absent || sameText(own, v) {
			parent.Set(key, v)
			moved = append(moved, key)
		}
	}
	for _, c := range children.All() {
		attrs(c).drop(moved)
	}
}

func shared[T any](key string, v Value, children *Nodes[T], attrs func(T) *Attrs) bool {
	for _, c := range children.All() {
		if !sameText(attrs(c).Get(key), v) {
			return false
		}
	}
	return true
}

func sameText(a, b Value) bool {
	if a.raw == b.raw {
		return a.Kind() == Text
	}
	x, ok := a.Str()
	y, also := b.Str()
	return ok && also && x == y
}

package streams

import "strings"

// member is a member of a node as it stood in the text. Nodes of one depth are alike: most have the same members as the
// one before, laid out in the same way, and many have the same values. What stands there again is not read again, and is
// the same memory, which makes it cheap to compare.
type member struct {
	lead  string // from the end of the value before, or the brace, to where the value begins
	key   string
	value string // the last text that stood there, quotes and all
}

// maxMembers is how many members of a node are remembered.
const maxMembers = 64

// node reads an object: its fields into a, the member called below by nodes.
func (p *parser) node(depth int, a *Attrs, below string, nodes func() error) error {
	fields, tail, err := p.fields(depth, below, nodes)
	if err == nil {
		a.fields.list = p.keep(fields)
		a.fields.reindex()
		a.tail = tail
	}
	return err
}

// fields is node that lends the fields until the next is read, and says how many of them come after the member called below.
func (p *parser) fields(depth int, below string, nodes func() error) (fields []node[Value], tail int, err error) {
	if err := p.open(depth); err != nil {
		return nil, 0, err
	}
	base := len(p.stack)
	defer func() { p.stack = p.stack[:base] }()
	after := -1 // if there are children: where the fields after them begin
	last := &p.last[depth%len(p.last)]
	var own Nodes[Value] // it can be searched only if a key may stand twice
	searched := false
	for n := 0; ; n++ {
		m, expected, err := p.member(last, n)
		if err != nil {
			return nil, 0, err
		}
		if m == nil {
			break
		}
		if m.key == below && nodes != nil {
			if err := nodes(); err != nil {
				return nil, 0, err
			}
			after = len(p.stack)
			continue
		}
		v, err := p.memberValue(m, depth+1)
		if err != nil {
			return nil, 0, err
		}
		if own.list = p.stack[base:]; !expected {
			if !searched {
				own.reindex()
				searched = true
			}
			if i := own.find(m.key); i >= 0 { // the last of two wins, in the place of the first
				own.list[i].value = v
				*last = (*last)[:min(n, len(*last))]
				continue
			}
		}
		p.stack = append(p.stack, node[Value]{m.key, v})
		if searched {
			own.list = p.stack[base:]
			own.added()
		}
	}
	if after >= 0 {
		tail = len(p.stack) - after
	}
	return p.stack[base:], tail, nil
}

// member steps to the value of the n-th member of a node; nil if the node ended instead. The member is expected if it has
// the key of the n-th member of the node before, and if that is so for all members up to it: then no key stands twice.
func (p *parser) member(last *[]member, n int) (m *member, expected bool, err error) {
	if n < len(*last) {
		m = &(*last)[n]
		if strings.HasPrefix(p.s[p.i:], m.lead) {
			p.i += len(m.lead)
			return m, true, nil
		}
	}
	start := p.i
	raw, err := p.key(n)
	if err != nil || raw == "" {
		return nil, false, err
	}
	read := member{lead: p.s[start:p.i], key: unquote(raw)}
	if n > len(*last) || n == maxMembers { // one before it was not remembered
		return &read, false, nil
	}
	if n < len(*last) && m.key == read.key {
		m.lead = read.lead
		return m, true, nil
	}
	*last = append((*last)[:n], read)
	return &(*last)[n], false, nil
}

// memberValue is value for what stands at m.
func (p *parser) memberValue(m *member, depth int) (Value, error) {
	if m.value != "" && strings.HasPrefix(p.s[p.i:], m.value) {
		p.i += len(m.value)
		return Value{m.value}, nil
	}
	v, err := p.value(depth)
	if v.Kind() == Text {
		m.value = v.raw
	}
	return v, err
}

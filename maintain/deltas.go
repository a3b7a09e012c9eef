package maintain

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/seed-43fb3962/sstream/vcdiff"
)

// deltaJob is one delta to be checked or made.
type deltaJob struct {
	v            *version
	base, target *file
	baseName     string      // of the base's version
	name         string      // of the delta
	temp         string      // its name until it is known to be right
	found        *file       // the delta that lies there, nil if there is none
	same         []*deltaJob // itself, and those for the same file of products that are links to this one

	outcome deltaOutcome
	err     error
	made    *file
}

type deltaOutcome byte

const (
	deltaKept   deltaOutcome = iota // what was found is right
	deltaMade                       // a new one lies there
	deltaNoGain                     // it would not be smaller than what it makes
	deltaFailed
)

// deltas checks the deltas that were found and makes those between each version and the one before it.
func (b *builder) deltas(ctx context.Context, works []*work) error {
	var jobs []*deltaJob
	for _, w := range works {
		for _, p := range w.products {
			found := b.findBases(p)
			b.selectDeltas(p) // so that what is not listed is not checked again and again
			jobs = b.appendUnchecked(jobs, found)
			jobs = b.appendMissing(jobs, p)
		}
	}
	jobs = b.joinSame(jobs)
	err := parallel(ctx, b.Workers, len(jobs), func(ctx context.Context, i int) error {
		j := jobs[i]
		j.temp = tempName(j.name, i)
		j.outcome, j.err = b.delta(ctx, j)
		return ctx.Err()
	})
	if err != nil {
		return err
	}
	for _, j := range jobs {
		b.settle(j)
	}
	for _, w := range works {
		for _, p := range w.products {
			b.selectDeltas(p)
		}
	}
	return nil
}

// joinSame keeps one job for each file: products may be links to others.
func (b *builder) joinSame(jobs []*deltaJob) []*deltaJob {
	first := make(map[string]*deltaJob) // by where the file really is
	var kept []*deltaJob
	for _, j := range jobs {
		dir := filepath.Join(b.root, j.v.Path)
		if real, err := filepath.EvalSymlinks(dir); err == nil {
			dir = real
		}
		at := filepath.Join(dir, j.name)
		if first[at] == nil {
			first[at] = j
			kept = append(kept, j)
		}
		first[at].same = append(first[at].same, j)
	}
	return kept
}

// findBases tells on what each delta of a product is based, and leaves out those that no client can use. It returns the
// others that can be checked.
func (b *builder) findBases(p *product) []*deltaJob {
	var found []*deltaJob
	listed := p.listed()
	names := make([]string, len(listed))
	for i, v := range listed {
		names[i] = v.Name
	}
	for _, v := range listed {
		for _, f := range v.files {
			if !isDelta(f.ftype) || f.left {
				continue
			}
			var targetName string
			f.base, targetName = deltaOf(f.Name, names)
			target := v.usable(targetName)
			var base *file
			if i := slices.Index(names, f.base); i >= 0 {
				base = listed[i].usable(targetName)
			}
			switch {
			case base == nil || target == nil || base == target:
				f.left = !b.Seed
			case !b.Seed && (f.Size >= target.Size || !slices.Contains(b.Deltas, target.ftype)):
				f.left = true
			default:
				found = append(found, &deltaJob{v: v, base: base, target: target, baseName: f.base, name: f.Name, found: f})
			}
		}
	}
	return found
}

// appendUnchecked adds those of the deltas that were found that may not be right: they are not listed yet, or a file that
// they go with has changed.
func (b *builder) appendUnchecked(jobs, found []*deltaJob) []*deltaJob {
	if b.Differ == nil {
		return jobs
	}
	for _, j := range found {
		if f := j.found; !f.left && (!f.checked || j.base.altered || j.target.altered) {
			jobs = append(jobs, j)
		}
	}
	return jobs
}

// usable returns the file of that name if clients are told of it.
func (v *version) usable(name string) *file {
	if f := v.file(name); f != nil && !f.left {
		return f
	}
	return nil
}

// appendMissing adds the deltas between neighbours that nobody has made.
func (b *builder) appendMissing(jobs []*deltaJob, p *product) []*deltaJob {
	if b.Differ == nil {
		return jobs
	}
	listed := p.listed()
	for i := 1; i < len(listed); i++ {
		before, v := listed[i-1], listed[i]
		for _, target := range v.files {
			base := before.usable(target.Name)
			name := deltaName(target.Name, before.Name)
			if target.left || base == nil || !b.wantsDelta(v, target.ftype) || v.file(name) != nil ||
				b.memory.isUseless(path.Join(v.Path, name), base.sum.sha256, target.sum.sha256) {
				continue
			}
			jobs = append(jobs, &deltaJob{v: v, base: base, target: target, baseName: before.Name, name: name})
		}
	}
	return jobs
}

// wantsDelta tells whether deltas of that kind of root are listed. Incus takes the base of every delta for a container,
// so that beside its metadata a delta of a virtual machine makes the machine unusable.
func (b *builder) wantsDelta(v *version, ftype string) bool {
	if !slices.Contains(b.Deltas, ftype) {
		return false
	}
	return ftype != ftypeDisk || !b.forIncus(v)
}

// forIncus tells whether Incus is told of a version.
func (b *builder) forIncus(v *version) bool {
	if !b.listsFor(Incus) {
		return false
	}
	return v.usable(Incus.metadata()) != nil || v.usable(LXD.metadata()) != nil
}

// delta does one job. What it makes is known to decode before it is called by its name.
func (b *builder) delta(ctx context.Context, j *deltaJob) (deltaOutcome, error) {
	dir := filepath.Join(b.root, j.v.Path)
	base, target := filepath.Join(b.root, j.base.path()), filepath.Join(b.root, j.target.path())
	if j.found != nil {
		err := b.Differ.Verify(ctx, base, filepath.Join(dir, j.name), target)
		if err == nil {
			return deltaKept, nil
		}
		if _, attested := j.v.sums[j.name]; attested {
			return deltaFailed, err
		}
	}
	temp := filepath.Join(dir, j.temp)
	if err := os.WriteFile(temp, nil, 0o666); err != nil {
		return deltaFailed, err
	}
	defer os.Remove(temp)
	err := b.Differ.Encode(ctx, base, target, temp)
	useless := errors.Is(err, vcdiff.ErrNotWorthwhile)
	if err != nil && !useless {
		return deltaFailed, err
	}
	info, err := os.Stat(temp)
	if err != nil {
		return deltaFailed, err
	}
	if useless || info.Size() >= j.target.Size && !b.Seed {
		for _, same := range j.same {
			b.memory.addUseless(path.Join(same.v.Path, j.name), j.base.sum.sha256, j.target.sum.sha256)
		}
		return deltaNoGain, nil
	}
	if err := b.Differ.Verify(ctx, base, temp, target); err != nil {
		return deltaFailed, err
	}
	return deltaMade, b.keepDelta(ctx, j, temp)
}

// keepDelta gives a delta its name and remembers its digest.
func (b *builder) keepDelta(ctx context.Context, j *deltaJob, temp string) error {
	if err := syncFile(temp); err != nil {
		return err
	}
	final := filepath.Join(b.root, j.v.Path, j.name)
	if err := os.Rename(temp, final); err != nil {
		return err
	}
	info, err := os.Stat(final)
	if err != nil {
		return err
	}
	f := file{File: File{j.name, info.Size(), info.ModTime()}, dir: j.v.Path, ftype: ftypeOf(j.name), base: j.baseName}
	buf := readBuffers.Get().(*[readSize]byte)
	defer readBuffers.Put(buf)
	if f.sum, err = sumFile(ctx, b.fsys, f.path(), f.File, nil, buf[:]); err != nil {
		return err
	}
	f.known, f.checked = true, true
	for _, same := range j.same {
		made := f
		made.dir = same.v.Path
		same.made = &made
		b.memory.add(made.path(), made.File, made.sum)
	}
	return nil
}

// settle takes what a job came to into the versions that it is for.
func (b *builder) settle(j *deltaJob) {
	for _, same := range j.same {
		if same.found != nil && j.outcome != deltaKept {
			same.found.left = true
		}
		if j.err == nil && j.outcome == deltaMade {
			same.v.replace(same.made)
		}
	}
	args := []any{"product", j.v.product.ID(), "version", j.v.Name, "item", j.name, "deltaBase", j.baseName}
	switch {
	case j.err != nil:
		b.report.Problems = append(b.report.Problems, Problem{Stream: j.v.product.work.name, Product: j.v.product.ID(),
			Version: j.v.Name, Item: j.name, Path: path.Join(j.v.Path, j.name), Err: j.err})
		b.Log.Error("Failed creating delta file", append(args, "error", j.err)...)
	case j.outcome == deltaNoGain:
		b.Log.Info("Delta left out: it would be nearly as large as the file that it makes", args...)
	case j.outcome == deltaMade:
		j.v.product.work.deltas++
		b.Log.Info("Delta generated successfully", args...)
		if j.v.old == nil && j.v.Sums {
			if err := appendSum(filepath.Join(b.root, j.v.Path, sumsName), j.made); err != nil {
				b.versionProblem("Failed to update checksums file", j.v, sumsName, err)
			}
		}
	}
}

// replace puts f in the place of the file of that name, or in order.
func (v *version) replace(f *file) {
	v.files = slices.DeleteFunc(v.files, func(other *file) bool { return other.Name == f.Name })
	i, _ := slices.BinarySearchFunc(v.files, f.Name, func(other *file, name string) int {
		if other.Name < name {
			return -1
		}
		return 1
	})
	v.files = slices.Insert(v.files, i, f)
}

// selectDeltas leaves out deltas that would keep Incus from an image that it could have without them: those of virtual
// machines, and all but one of a file.
func (b *builder) selectDeltas(p *product) {
	for _, v := range p.listed() {
		if !b.forIncus(v) {
			continue
		}
		best := make(map[string]*file)
		for _, f := range v.files {
			if !isDelta(f.ftype) || f.left {
				continue
			}
			if f.ftype == ftypeDiskDelta {
				f.left = true
				continue
			}
			if other := best[f.ftype]; other != nil && other.base > f.base {
				f.left = true
				continue
			} else if other != nil {
				other.left = true
			}
			best[f.ftype] = f
		}
	}
}

// tempName is what the delta is called that is made as number i, cut off where a file system would not take it whole.
func tempName(delta string, i int) string {
	suffix := fmt.Sprintf(".vcdiff.%d.tmp", i)
	stem := strings.TrimSuffix(delta, ".vcdiff")
	return "." + strings.ToValidUTF8(stem[:min(len(stem), longestName-len(suffix)-1)], "") + suffix
}

var leftover = regexp.MustCompile(`^\..*\.vcdiff\.[0-9]+\.tmp$`)

// isLeftover tells whether a file is a delta that a run began and did not end.
func isLeftover(name string) bool { return name[0] == '.' && leftover.MatchString(name) }

package maintain

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"

	"github.com/seed-43fb3962/sstream/vcdiff"
)

// Differ makes and checks deltas in the VCDIFF format. Its arguments are names of files.
type Differ interface {
	// Encode writes to delta, which it may replace, what makes target out of source. It may give up, with
	// [vcdiff.ErrNotWorthwhile], when the delta would not be smaller than the target.
	Encode(ctx context.Context, source, target, delta string) error
	// Verify returns an error unless delta makes target out of source.
	Verify(ctx context.Context, source, delta, target string) error
}

// VCDIFF is the [Differ] that is built in. It makes one delta at a time, with all the processors and the memory that its
// options say; to check others meanwhile takes a decoder's memory each. It must not be copied once it is used.
type VCDIFF struct {
	Options vcdiff.Options

	making sync.Mutex
}

// Encode implements [Differ].
func (d *VCDIFF) Encode(ctx context.Context, source, target, delta string) (err error) {
	d.making.Lock()
	defer d.making.Unlock()
	from, fromSize, err := openSized(source)
	if err != nil {
		return err
	}
	defer from.Close()
	to, toSize, err := openSized(target)
	if err != nil {
		return err
	}
	defer to.Close()
	out, err := os.Create(delta)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	_, err = vcdiff.NewEncoder(out, from, fromSize, &d.Options).Encode(ctx, to, toSize)
	return err
}

// Verify implements [Differ].
func (*VCDIFF) Verify(ctx context.Context, source, delta, target string) error {
	from, err := os.Open(source)
	if err != nil {
		return err
	}
	defer from.Close()
	in, err := os.Open(delta)
	if err != nil {
		return err
	}
	defer in.Close()
	to, toSize, err := openSized(target)
	if err != nil {
		return err
	}
	defer to.Close()
	return vcdiff.Verify(ctx, from, in, to, toSize)
}

func openSized(path string) (*os.File, int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, info.Size(), nil
}

// Xdelta3 is a [Differ] that runs the program of that name, as clients do. The zero value finds it in PATH.
type Xdelta3 struct {
	Program string // "": "xdelta3"
}

// Encode implements [Differ].
func (x Xdelta3) Encode(ctx context.Context, source, target, delta string) error {
	return x.run(ctx, nil, "-e", "-9", "-f", "-s", source, target, delta)
}

// Verify implements [Differ].
func (x Xdelta3) Verify(ctx context.Context, source, delta, target string) error {
	to, err := os.Open(target)
	if err != nil {
		return err
	}
	defer to.Close()
	made, want := sha256.New(), sha256.New()
	if err := x.run(ctx, made, "-d", "-c", "-s", source, delta); err != nil {
		return err
	}
	if _, err := feed(ctx, to, []hash.Hash{want}, make([]byte, readSize)); err != nil {
		return err
	}
	if !bytes.Equal(made.Sum(nil), want.Sum(nil)) {
		return vcdiff.ErrMismatch
	}
	return nil
}

func (x Xdelta3) run(ctx context.Context, out io.Writer, args ...string) error {
	program := x.Program
	if program == "" {
		program = "xdelta3"
	}
	var errs bytes.Buffer
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stdout, cmd.Stderr = out, &errs
	err := cmd.Run()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("%w (install it, or use --delta-tool vcdiff)", err)
	}
	if text := strings.TrimSpace(errs.String()); err != nil && text != "" {
		return fmt.Errorf("%w: %s", err, strings.ReplaceAll(text, "\n", "; "))
	}
	return err
}

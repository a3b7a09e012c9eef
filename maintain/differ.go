package maintain

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
)

// Differ makes and applies deltas in the VCDIFF format. Its arguments are names of files.
type Differ interface {
	// Encode writes to delta, which it may replace, what makes target out of source.
	Encode(ctx context.Context, source, target, delta string) error
	// Decode writes to w what delta makes out of source.
	Decode(ctx context.Context, source, delta string, w io.Writer) error
}

// Xdelta3 is a [Differ] that runs the program of that name, as clients do. The zero value finds it in PATH.
type Xdelta3 struct {
	Program string // "": "xdelta3"
}

// Encode implements [Differ].
func (x Xdelta3) Encode(ctx context.Context, source, target, delta string) error {
	return x.run(ctx, nil, "-e", "-9", "-f", "-s", source, target, delta)
}

// Decode implements [Differ].
func (x Xdelta3) Decode(ctx context.Context, source, delta string, w io.Writer) error {
	return x.run(ctx, w, "-d", "-c", "-s", source, delta)
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

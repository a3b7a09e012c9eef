package hooks

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/seed-43fb3962/sstream/internal/environ"
	"github.com/seed-43fb3962/sstream/internal/group"
	"github.com/seed-43fb3962/sstream/streams"
)

// call is one run of a hook.
type call struct {
	hook   string
	about  string        // for messages
	fields *streams.Flat // of the catalogue; changed by the call
	own    [][2]string   // fields of ours, which come last
}

// maxLoaded is how much load_products may print.
const maxLoaded = 256 << 20

// do runs a hook that has to succeed.
func (r *run) do(ctx context.Context, c call) error {
	code, err := r.call(ctx, c, r.Stdout)
	if err == nil && code != 0 {
		err = &ExitError{c.hook, c.about, code}
	}
	return err
}

// ask runs a filter.
func (r *run) ask(ctx context.Context, c call) (bool, error) {
	code, err := r.call(ctx, c, r.Stdout)
	if err == nil && code > 1 {
		err = &ExitError{c.hook, c.about, code}
	}
	return code == 0, err
}

// read runs a hook and returns what it prints.
func (r *run) read(ctx context.Context, c call) ([]byte, error) {
	var out limited
	code, err := r.call(ctx, c, &out)
	switch {
	case out.over:
		return nil, fmt.Errorf("hook %s for %s printed more than %d bytes", c.hook, c.about, maxLoaded)
	case err != nil:
		return nil, err
	case code != 0:
		return nil, &ExitError{c.hook, c.about, code}
	}
	return out.Bytes(), nil
}

// limited keeps what is written, up to maxLoaded bytes.
type limited struct {
	bytes.Buffer
	over bool
}

func (l *limited) Write(p []byte) (int, error) {
	if l.Len()+len(p) > maxLoaded {
		l.over = true
		return 0, io.ErrShortWrite
	}
	return l.Buffer.Write(p)
}

// call runs a hook and returns its exit status, 0 if there is no command for it.
func (r *run) call(ctx context.Context, c call, stdout io.Writer) (code int, err error) {
	t := r.commands[c.hook]
	if t == nil {
		return 0, ctx.Err()
	}
	env, args, err := r.render(t, c)
	if err != nil {
		return 0, fmt.Errorf("cannot run hook %s for %s: %w", c.hook, c.about, err)
	}
	limit := ctx
	if r.Timeout > 0 {
		var cancel context.CancelFunc
		limit, cancel = context.WithTimeout(ctx, r.Timeout)
		defer cancel()
	}
	cmd := exec.CommandContext(limit, "sh", append([]string{"-c", t.script, c.hook}, args...)...)
	cmd.Env = append(r.Env[:len(r.Env):len(r.Env)], env...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = r.Stdin, r.shared(stdout), r.shared(r.Stderr)
	cmd.WaitDelay = group.Mercy + time.Second
	err = group.Run(limit, cmd)
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0, nil
	case ctx.Err() != nil:
		return 0, context.Cause(ctx)
	case limit.Err() != nil:
		return 0, fmt.Errorf("hook %s for %s did not end within %s", c.hook, c.about, r.Timeout)
	case errors.As(err, &exit):
		return group.Status(exit.ProcessState), nil
	}
	return 0, fmt.Errorf("cannot run hook %s for %s: %w", c.hook, c.about, err)
}

// shared makes w fit for hooks that run at once. A file is.
func (r *run) shared(w io.Writer) io.Writer {
	if _, ok := w.(*os.File); ok || w == nil {
		return w
	}
	return sharedWriter{&r.output, w}
}

type sharedWriter struct {
	mu *sync.Mutex
	w  io.Writer
}

func (s sharedWriter) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.w.Write(p)
}

// render returns the variables and arguments of a call.
func (r *run) render(t *template, c call) (env, args []string, err error) {
	for _, name := range []string{pathLocal, contentFilePath, itemURL, hookVariable, environ.Fields} {
		c.fields.Delete(name)
	}
	for _, field := range c.own {
		c.fields.Set(field[0], field[1])
	}
	env, names, left := environ.Of(c.fields)
	env = append(env, hookVariable+"="+c.hook)
	r.report(c, left)
	args, err = t.args(func(name string) (string, bool) {
		switch name {
		case hookVariable:
			return c.hook, true
		case environ.Fields:
			return names, true
		}
		return c.fields.Get(name)
	}, r.Unset)
	return env, args, err
}

// report logs each field that is left out once.
func (r *run) report(c call, left []environ.LeftOut) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range left {
		if r.said[l.Name] {
			continue
		}
		r.said[l.Name] = true
		log := r.Log.Debug
		if l.Harm {
			log = r.Log.Warn
		}
		log("field left out of the environment of hooks", "field", fmt.Sprintf("%.60q", l.Name), "first", c.about, "why", l.Why)
	}
}

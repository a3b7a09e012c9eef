// Package store keeps content by path: in a directory, in memory, in an object store.
//
// A store moves bytes and knows nothing of documents; packages fetch and publish know documents.
package store

import (
	"context"
	"io"
	"iter"
	"time"
)

// Source is where content is read from.
type Source interface {
	// Open reads what is at path from byte off on.
	// The error wraps [fs.ErrNotExist] if nothing is there.
	Open(ctx context.Context, path string, off int64) (io.ReadCloser, error)
}

// Store is content by path. Paths are relative, slash-separated and safe (streams.CheckPath); anything else is an error.
type Store interface {
	Source

	// Put replaces what is at path. Readers see the old content or the new, never a part; once Put returns nil
	// the new content is durable. If c does not read as it says, nothing is replaced and the error is a
	// [*ContentError]; an error of c's own reader is passed on.
	Put(ctx context.Context, path string, c Content) error

	// Delete removes what is at path. It returns nil if nothing is there.
	Delete(ctx context.Context, path string) error

	// Stat tells what is at path without reading it.
	// The error wraps [fs.ErrNotExist] if nothing is there.
	Stat(ctx context.Context, path string) (Info, error)
}

// Info is what a store knows of one path without reading its content.
type Info struct {
	Size     int64     // in bytes
	Modified time.Time // zero if the store does not know
}

// Syncer is a store that makes many small writes durable together, which is far cheaper than one by one.
type Syncer interface {
	// PutSoon is Put, except that the content is sure to be at path, and durable, only once Sync has returned nil. What
	// appears at a path before that is whole and durable too.
	PutSoon(ctx context.Context, path string, c Content) error

	// Sync makes every PutSoon, Delete, Copy and Adopt that returned before it durable.
	Sync(ctx context.Context) error
}

// Replacer is a store that can replace several paths at once: a reader sees all of the old content or all of the new.
type Replacer interface {
	// Replace puts every path of docs, as Put does, and removes every path of gone, as one durable change.
	// The error wraps [errors.ErrUnsupported], and nothing has changed, if the store cannot do that for these paths:
	// then they have to be written one by one, in an order that a reader survives.
	Replace(ctx context.Context, docs map[string]Content, gone []string) error
}

// Lister is a store that can tell what it holds.
type Lister interface {
	// List yields every path that begins with prefix, in byte order.
	List(ctx context.Context, prefix string) iter.Seq2[string, error]
}

// Copier is a store that can make content available under a second path without reading it through the program.
type Copier interface {
	// Copy makes the content of from available at to at once, durably as Put does or, if the store is a [Syncer], once
	// Sync has returned nil: what is at to is whole even if that does not happen.
	// The error wraps [errors.ErrUnsupported], and nothing has changed, if the store cannot do that after all.
	Copy(ctx context.Context, from, to string) error
}

// Adopter is a store that can take over a file of this machine without a copy of its bytes, where the disk allows it.
type Adopter interface {
	// Adopt makes the content of file, a path of the operating system, available at path, as durably as Copy. Of c only
	// what the content must be is used. The error is a [*ContentError] if the file is something else, and wraps
	// [errors.ErrUnsupported], as that of Copy does, if the store cannot do that after all.
	Adopt(ctx context.Context, file, path string, c Content) error
}

// Preparer is a store whose first Put does more than others do.
type Preparer interface {
	// Prepare does it now, so that the first Put need not. An error is one that the first Put would return too.
	Prepare(ctx context.Context) error
}

// Tree is a store in which nothing can be below a path that something is at, as in a directory.
type Tree interface {
	// Blocked tells whether nothing can be put at path, as a file is where a directory is needed or the other way round.
	Blocked(ctx context.Context, path string) (bool, error)
}

// Limited is a store that can be full.
type Limited interface {
	// Free returns how many bytes can still be written.
	Free(ctx context.Context) (int64, error)
}

// Locker is a store that can keep other runs out.
type Locker interface {
	// Lock waits for the lock, or returns an error that tells who holds it once ctx is done, and wraps the cause of that.
	// It asks at least once: with a ctx that is done already, it asks and does not wait.
	Lock(ctx context.Context) (unlock func() error, err error)
}

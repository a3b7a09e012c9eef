package maintain

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"

	"github.com/seed-43fb3962/sstream/store"
)

// lock keeps other runs out of root. No file is left behind.
func lock(ctx context.Context, root string, log *slog.Logger) (unlock func() error, err error) {
	if err := checkRoot(root); err != nil {
		return nil, err
	}
	unlock, err = store.LockDir(ctx, root, func() { log.Warn("Waiting for another run to end", "path", root) })
	if errors.Is(err, fs.ErrNotExist) {
		return nil, absent("there is no directory " + root)
	}
	return unlock, err
}

// checkRoot refuses a file.
func checkRoot(root string) error {
	if info, err := os.Stat(root); err == nil && !info.IsDir() {
		return fmt.Errorf("%s is a file: the directory of a stream is needed", root)
	}
	return nil
}

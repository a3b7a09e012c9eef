package maintain

import (
	"context"
	"log/slog"

	"github.com/seed-43fb3962/sstream/store"
)

// lock keeps other runs out of root. No file is left behind.
func lock(ctx context.Context, root string, log *slog.Logger) (unlock func() error, err error) {
	return store.LockDir(ctx, root, func() { log.Warn("Waiting for another run to end", "path", root) })
}

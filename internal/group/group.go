// Package group runs a command together with all that it begins, where the system knows process groups.
package group

import (
	"context"
	"os/exec"
	"time"
)

// Mercy is how long a command that is told to end may take.
const Mercy = 5 * time.Second

// Run runs cmd, which was made with ctx, in a process group of its own. Once ctx is done, all of the group is told to end, and
// what has not ended by then is killed after [Mercy].
func Run(ctx context.Context, cmd *exec.Cmd) error {
	finish, err := inGroup(cmd)
	if err != nil {
		return err
	}
	err = cmd.Run()
	finish(err != nil && ctx.Err() != nil)
	return err
}

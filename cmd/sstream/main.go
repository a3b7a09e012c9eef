// Command sstream mirrors, queries, builds, signs and publishes Simple Streams.
//
// Called by the name of an older tool (sstream-mirror, sstream-query, simplestream-maintainer …) it takes that tool's
// command line and answers as that tool did: see names.go.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, func() {
		time.Sleep(time.Second) // timeout(1) sends two
		stop()                  // another signal ends the program at once
	})
	a := &app{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv}
	code := a.run(ctx, os.Args)
	stop()
	os.Exit(code)
}

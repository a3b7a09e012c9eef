package main

import "github.com/spf13/cobra"

// oldNames are the programs that sstream stands in for, by the name that it is called by. Each takes that program's
// command line unchanged and keeps its exit codes.
var oldNames = map[string]func(*app) *cobra.Command{
	"js2signed":               newJS2SignedCommand,
	"simplestream-maintainer": newMaintainerCommand,
}

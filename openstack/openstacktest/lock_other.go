//go:build !unix

package openstacktest

import "testing"

// lock does nothing: the real cloud of the tests runs on Linux.
func lock(testing.TB, string) {}

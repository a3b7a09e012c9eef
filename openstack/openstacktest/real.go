package openstacktest

import (
	"bufio"
	"os"
	"strings"
	"testing"
)

// Real returns the environment of the real cloud whose openrc file OPENSTACK_OPENRC names (test/openstack/up makes
// one). Without it the test is skipped, or has failed if CI_REAL=1 says that nothing may be skipped.
func Real(tb testing.TB) func(name string) string {
	tb.Helper()
	path := os.Getenv("OPENSTACK_OPENRC")
	if path == "" {
		if os.Getenv("CI_REAL") == "1" {
			tb.Fatal("CI_REAL=1, but OPENSTACK_OPENRC names no openrc file: run test/openstack/up")
		}
		tb.Skip("no real cloud: OPENSTACK_OPENRC is not set (test/openstack/up makes one)")
	}
	return Openrc(tb, path)
}

// RealAlone is Real for a test that minds or disturbs the images of others: no other such test has the cloud until this
// one ends, so that a test calls it once.
func RealAlone(tb testing.TB) func(name string) string {
	tb.Helper()
	getenv := Real(tb)
	lock(tb, os.Getenv("OPENSTACK_OPENRC")+".lock")
	return getenv
}

// Openrc reads an openrc file: lines of export NAME=VALUE.
func Openrc(tb testing.TB, path string) func(name string) string {
	tb.Helper()
	file, err := os.Open(path)
	if err != nil {
		tb.Fatal(err)
	}
	defer file.Close()
	env := map[string]string{}
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		if name, value, ok := strings.Cut(strings.TrimPrefix(lines.Text(), "export "), "="); ok {
			env[name] = strings.Trim(value, `"'`)
		}
	}
	if err := lines.Err(); err != nil {
		tb.Fatal(err)
	}
	return func(name string) string { return env[name] }
}

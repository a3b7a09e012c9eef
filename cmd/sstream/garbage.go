package main

import (
	"runtime"
	"runtime/debug"
	"sync"
)

// collectRarely is for commands that hold what they have read to the end, so that to look for garbage early is in vain.
// It is looked for when there may be percent as much of it as there is in use; never, if percent is -1.
func collectRarely(a *app, percent int) {
	if a.getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
}

// collectLate is for commands that mostly find that there is nothing to do, and then end before there is garbage worth
// looking for. Those that find something look for it from then on as others do, or as they say in percent with collect.
func collectLate(a *app) (collect func(percent int)) {
	if a.getenv("GOGC") != "" {
		return func(int) {}
	}
	const first, then = 1200, 100 // percent of what is in use, but of 4 MB at least
	debug.SetGCPercent(first)
	var once sync.Once
	runtime.AddCleanup(new([64]byte), func(once *sync.Once) { once.Do(func() { debug.SetGCPercent(then) }) }, &once) // with the first garbage
	return func(percent int) {
		once.Do(func() {})
		debug.SetGCPercent(percent)
	}
}

package main

import "runtime"

// leaveHalf has the program run on half of the processors, unless GOMAXPROCS says otherwise: for commands that feed a service
// which works as hard on every byte, and may do so on the same machine. It then keeps a processor to itself.
func leaveHalf(a *app) {
	if a.getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(min(runtime.GOMAXPROCS(0), max(1, runtime.NumCPU()/2)))
	}
}

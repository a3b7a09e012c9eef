//go:build !purego

package vcdiff

// adlerSums returns the sum of the bytes of b, and their sum with the first counted len(b) times and the last once.
//
//go:noescape
func adlerSums(b *[adlerBlock]byte) (plain, weighted uint64)

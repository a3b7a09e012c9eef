//go:build !race

package vcdiff

const raced = false

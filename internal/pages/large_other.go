//go:build !linux

package pages

func large([]byte) {}

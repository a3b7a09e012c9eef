//go:build !linux

package maintain

func (d disk) folder(name string) (folder, error) { return pathFolder{d.dirFS, name}, nil }

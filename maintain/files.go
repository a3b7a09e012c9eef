package maintain

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
)

func exists(fsys fs.FS, path string) bool {
	_, err := fs.Stat(fsys, path)
	return err == nil
}

// isGzipOf tells whether a file is body compressed, by the checksum and the length that it ends in.
func isGzipOf(fsys fs.FS, path string, body []byte) bool {
	f, err := fsys.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	s, ok := f.(io.Seeker)
	if !ok {
		return false
	}
	var tail [8]byte
	if _, err := s.Seek(-int64(len(tail)), io.SeekEnd); err != nil {
		return false
	}
	if _, err := io.ReadFull(f, tail[:]); err != nil {
		return false
	}
	return binary.LittleEndian.Uint32(tail[:]) == crc32.ChecksumIEEE(body) &&
		binary.LittleEndian.Uint32(tail[4:]) == uint32(len(body))
}

// syncFile makes the content of a file durable.
func syncFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// replaceFile gives a file new content; readers see the old or the new.
func replaceFile(path string, body []byte, mode os.FileMode) error {
	temp := path + ".tmp"
	if err := os.WriteFile(temp, body, mode); err != nil {
		return err
	}
	defer os.Remove(temp)
	if err := syncFile(temp); err != nil {
		return err
	}
	return os.Rename(temp, path)
}

// appendSum adds a file to a SHA256SUMS. What is there ends in a newline afterwards.
func appendSum(path string, f *file) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is a link and left as it is", path)
	}
	body, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if len(body) > 0 && !bytes.HasSuffix(body, []byte("\n")) {
		body = append(body, '\n')
	}
	body = fmt.Appendf(body, "%s  %s\n", f.sum.sha256, f.Name)
	return replaceFile(path, body, info.Mode().Perm())
}

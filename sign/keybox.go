package sign

import (
	"bytes"
	"encoding/binary"
	"errors"
)

// A keybox is a row of blobs: length (4 bytes, big-endian, of the whole blob), type (1), version (1), flags (2) and,
// in a blob of type OpenPGP, offset (4) and length (4) of the key within the blob.
const (
	keyboxMagic   = "KBXf" // at byte 8 of the first blob
	keyboxOpenPGP = 2
)

var errKeybox = errors.New("the keybox is damaged")

func isKeybox(data []byte) bool {
	return len(data) >= 12 && string(data[8:12]) == keyboxMagic
}

// splitKeybox returns the OpenPGP keys of gpg's keybox.
func splitKeybox(data []byte) ([][]byte, error) {
	var keys [][]byte
	for len(data) > 0 {
		if len(data) < 5 {
			return nil, errKeybox
		}
		size := uint64(binary.BigEndian.Uint32(data))
		if size < 5 || size > uint64(len(data)) {
			return nil, errKeybox
		}
		blob := data[:size]
		data = data[size:]
		if blob[4] != keyboxOpenPGP {
			continue
		}
		if len(blob) < 16 {
			return nil, errKeybox
		}
		from, n := uint64(binary.BigEndian.Uint32(blob[8:])), uint64(binary.BigEndian.Uint32(blob[12:]))
		if from+n > size {
			return nil, errKeybox
		}
		found, err := splitPackets(bytes.Clone(blob[from : from+n]))
		if err != nil {
			return nil, err
		}
		keys = append(keys, found...)
	}
	return keys, nil
}

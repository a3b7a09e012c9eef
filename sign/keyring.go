package sign

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
)

// Keyring is a set of public keys. It does not change and may be used by several goroutines at once.
type Keyring struct {
	once    sync.Once
	load    func() (keyBlocks, error) // read once, when the first signature is checked
	err     error
	blocks  keyBlocks
	sources []string
}

// keyBlocks are keys as packets. Each check parses those that it needs: the library's parsed keys remember verdicts of
// other checks, under other rules and dates, and must not be shared.
type keyBlocks struct {
	all     [][]byte
	byID    map[uint64][]int // indexes of all, by the ids of key and subkeys
	skipped int              // keys that cannot be read: kinds that are not known, or damaged ones
}

// LoadKeyring reads keyrings: exported keys, binary or armored, and gpg's own pubring.kbx and pubring.gpg. As with gpg,
// a name without a slash is looked up in GNUPGHOME or else ~/.gnupg; write ./NAME for a file in the working directory.
func LoadKeyring(paths ...string) (*Keyring, error) {
	k := new(Keyring)
	for _, path := range paths {
		file := path
		if !strings.Contains(path, "/") {
			file = filepath.Join(gnupgHome(os.Getenv), path)
		}
		data, err := os.ReadFile(file)
		if err != nil && file != path && errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("cannot read keyring %s (write ./%s for a file in the working directory): %w", path, path, err)
		}
		if err != nil {
			return nil, fmt.Errorf("cannot read keyring: %w", err)
		}
		if err := k.blocks.add(data); err != nil {
			return nil, fmt.Errorf("keyring %s: %w", file, err)
		}
		k.sources = append(k.sources, file)
	}
	return k, nil
}

// ParseKeyring reads a keyring of any of the kinds that LoadKeyring reads; name is for messages.
func ParseKeyring(name string, data []byte) (*Keyring, error) {
	k := &Keyring{sources: []string{name}}
	if err := k.blocks.add(data); err != nil {
		return nil, fmt.Errorf("keyring %s: %w", name, err)
	}
	return k, nil
}

// DefaultKeyring is the keyring that gpg uses when none is named: pubring.kbx, or the older pubring.gpg, in GNUPGHOME
// or ~/.gnupg. It is read when the first signature is checked; if there is none, that check fails.
func DefaultKeyring(getenv func(string) string) *Keyring {
	home := gnupgHome(getenv)
	k := &Keyring{sources: []string{home}}
	k.load = func() (keyBlocks, error) { return loadHome(home) }
	return k
}

func loadHome(home string) (keyBlocks, error) {
	var blocks keyBlocks
	var failed error
	for _, name := range []string{"pubring.kbx", "pubring.gpg"} {
		data, err := os.ReadFile(filepath.Join(home, name))
		if err == nil {
			if err = blocks.add(data); err == nil {
				return blocks, nil
			}
			err = fmt.Errorf("keyring %s: %w", filepath.Join(home, name), err)
		}
		if failed == nil || errors.Is(failed, fs.ErrNotExist) {
			failed = err
		}
	}
	if _, err := os.Stat(filepath.Join(home, "public-keys.d", "pubring.db")); err == nil {
		return blocks, fmt.Errorf("gpg keeps the keys of %s in its key daemon: export them (gpg --export > FILE) and name that file as keyring", home)
	}
	if errors.Is(failed, fs.ErrNotExist) {
		return blocks, fmt.Errorf("no keyring is given and gpg has none in %s: name a file with the publisher's public key", home)
	}
	return blocks, failed
}

func gnupgHome(getenv func(string) string) string {
	if home := getenv("GNUPGHOME"); home != "" {
		return home
	}
	return filepath.Join(getenv("HOME"), ".gnupg")
}

// String names where the keys are from, and how many there are.
func (k *Keyring) String() string {
	s := strings.Join(k.sources, ", ") + ": 1 key"
	if n := len(k.blocks.all); n != 1 {
		s = fmt.Sprintf("%s: %d keys", strings.Join(k.sources, ", "), n)
	}
	if k.blocks.skipped > 0 {
		s += fmt.Sprintf(", and %d of kinds that cannot be read", k.blocks.skipped)
	}
	return s
}

// Fingerprints lists the primary keys, sorted.
func (k *Keyring) Fingerprints() ([]string, error) {
	if err := k.read(); err != nil {
		return nil, err
	}
	found := make(map[string]bool)
	for _, block := range k.blocks.all {
		if e, err := parseKey(block); err == nil {
			found[fingerprint(e.PrimaryKey)] = true
		}
	}
	return slices.Sorted(maps.Keys(found)), nil
}

// find returns the keys that have, or have a subkey with, this id.
func (k *Keyring) find(id uint64) ([]*openpgp.Entity, error) {
	if err := k.read(); err != nil {
		return nil, err
	}
	var keys []*openpgp.Entity
	for _, i := range k.blocks.byID[id] {
		key, err := parseKey(k.blocks.all[i])
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, nil
}

func (k *Keyring) read() error {
	k.once.Do(func() {
		if k.load != nil {
			k.blocks, k.err = k.load()
		}
	})
	return k.err
}

// add reads one file of keys.
func (b *keyBlocks) add(data []byte) error {
	blocks, err := splitKeys(data)
	if err != nil {
		return err
	}
	if b.byID == nil {
		b.byID = make(map[uint64][]int)
	}
	before := len(b.all)
	for _, block := range blocks {
		key, err := parseKey(block)
		if err != nil {
			b.skipped++
			continue
		}
		b.byID[key.PrimaryKey.KeyId] = append(b.byID[key.PrimaryKey.KeyId], len(b.all))
		for _, sub := range key.Subkeys {
			b.byID[sub.PublicKey.KeyId] = append(b.byID[sub.PublicKey.KeyId], len(b.all))
		}
		b.all = append(b.all, block)
	}
	if len(b.all) == before {
		return errors.New("there is no OpenPGP key in it that can be read")
	}
	return nil
}

// splitKeys returns the keys of a file of any kind, each as its packets.
func splitKeys(data []byte) ([][]byte, error) {
	switch {
	case isKeybox(data):
		return splitKeybox(data)
	case len(data) > 0 && data[0]&0x80 != 0: // every packet begins so, no ASCII text does
		return splitPackets(data)
	}
	var keys [][]byte
	for _, kind := range []string{armorPublic, armorSecret} {
		for block, rest := cutArmor(data, kind); block != nil; block, rest = cutArmor(rest, kind) {
			raw, err := dearmor(block, kind)
			if err != nil {
				return nil, err
			}
			found, err := splitPackets(raw)
			if err != nil {
				return nil, err
			}
			keys = append(keys, found...)
		}
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("it is no OpenPGP key file (%s)", beginning(data))
	}
	return keys, nil
}

// The packets that make up a key. Others, such as gpg's trust packets, are left out.
const (
	tagSignature     = 2
	tagSecretKey     = 5
	tagPublicKey     = 6
	tagSecretSubkey  = 7
	tagUserID        = 13
	tagPublicSubkey  = 14
	tagUserAttribute = 17
)

// splitPackets cuts binary keys before each primary key.
func splitPackets(data []byte) ([][]byte, error) {
	var keys [][]byte
	var key bytes.Buffer
	end := func() {
		if key.Len() > 0 {
			keys = append(keys, bytes.Clone(key.Bytes()))
		}
		key.Reset()
	}
	packets := packet.NewOpaqueReader(bytes.NewReader(data))
	for {
		p, err := packets.Next()
		if errors.Is(err, io.EOF) {
			end()
			return keys, nil
		}
		if err != nil {
			return nil, fmt.Errorf("it is damaged or no OpenPGP key file: %w", err)
		}
		switch p.Tag {
		case tagPublicKey, tagSecretKey:
			end()
		case tagSignature, tagSecretSubkey, tagPublicSubkey, tagUserID, tagUserAttribute:
			if key.Len() == 0 {
				continue
			}
		default:
			continue
		}
		if err := p.Serialize(&key); err != nil {
			return nil, err
		}
	}
}

func parseKey(block []byte) (*openpgp.Entity, error) {
	return openpgp.ReadEntity(packet.NewReader(bytes.NewReader(block)))
}

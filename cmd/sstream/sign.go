package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/seed-43fb3962/sstream/publish"
	"github.com/seed-43fb3962/sstream/store"
	"github.com/seed-43fb3962/sstream/streams"
)

func newSignCommand(a *app) *cobra.Command {
	var flags signerFlags
	var force bool
	cmd := &cobra.Command{
		Use:   "sign [flags] FILE|DIR...",
		Short: "Sign documents: .sjson and .json.gpg beside each .json",
		Long: `Sign documents: beside each NAME.json comes NAME.sjson, clear-signed, and NAME.json.gpg, a detached signature.
Of a mirror, all .json files below its streams/ are signed; of another directory, all below it. A clear-signed index
leads to clear-signed documents. Only what has changed since it was signed is signed. The signatures of a mirror are
published as one change, so that no reader sees a document with the signature of another.

gpg and its readers know no lines over 20,000 bytes: a document with one is indented in its .sjson.

A --sign-command reads what is to be signed from its standard input and writes an OpenPGP signature, armored or not, to
its standard output. SSTREAM_SIGN is "detached", or "clearsigned" for the text of a clear-signed document: that
signature has to be over text (gpg --textmode); or the command writes the whole clear-signed document.

Environment: GNUPGHOME, SS_GPG_DEFAULT_KEY names gpg's key, SS_GPG_BATCH=0 lets gpg ask questions.

` + exitHelp,
		Example: `  sstream sign /srv/images
  sstream sign --sign-key images.sec --passphrase-fd 3 /srv/images 3< passphrase
  sstream sign --sign-command 'kms-client sign --key images' streams/v1/index.json`,
		Args: atLeast("FILE|DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			signer, err := flags.open(a)
			if err != nil {
				return err
			}
			trees, err := signTrees(cmd.Context(), args)
			if err != nil {
				return err
			}
			for _, tree := range trees {
				names, err := tree.sign(cmd.Context(), publish.SignOptions{Signer: signer, Force: force})
				if err != nil {
					return err
				}
				for _, name := range names {
					if _, err := fmt.Fprintln(a.stdout, "signed", name); err != nil {
						return err
					}
				}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "sign also what has not changed, as after a change of the key")
	flags.add(cmd.Flags())
	return cmd
}

// signTree are documents of one directory.
type signTree struct {
	root   string // the mirror, or the directory itself
	mirror bool
	paths  []string
}

// signTrees finds the documents that the arguments name, by the mirror or else the directory that they are in.
func signTrees(ctx context.Context, args []string) ([]signTree, error) {
	found := make(map[string]signTree)
	for _, arg := range args {
		tree, err := signTreeOf(ctx, arg, false)
		if err != nil {
			return nil, err
		}
		if len(tree.paths) == 0 {
			return nil, fmt.Errorf("%s: there are no .json files to sign", arg)
		}
		tree.paths = append(tree.paths, found[tree.root].paths...)
		found[tree.root] = tree
	}
	var trees []signTree
	for _, root := range slices.Sorted(maps.Keys(found)) {
		tree := found[root]
		slices.Sort(tree.paths)
		tree.paths = slices.Compact(tree.paths)
		trees = append(trees, tree)
	}
	return trees, nil
}

// signTreeOf returns the document that arg names, or the documents of the directory: those of a mirror are below its
// streams/, unless all are asked for.
func signTreeOf(ctx context.Context, arg string, all bool) (signTree, error) {
	info, err := os.Stat(arg)
	if err != nil {
		return signTree{}, err
	}
	name, err := filepath.Abs(arg)
	if err != nil {
		return signTree{}, err
	}
	if info.IsDir() {
		tree, below := splitMirror(filepath.ToSlash(name) + "/")
		if tree.mirror && below == "" && !all {
			below = "streams/"
		}
		tree.paths, err = listJSON(ctx, tree.root, below)
		return tree, err
	}
	if !strings.HasSuffix(name, ".json") {
		return signTree{}, fmt.Errorf("%s: file must end with .json", arg)
	}
	tree, below := splitMirror(filepath.ToSlash(name))
	tree.paths = []string{below}
	return tree, nil
}

// splitMirror divides the name of a file, or of a directory with a slash at its end, into the mirror and the path
// there. What is in no mirror's streams/v1 is divided after its last slash.
func splitMirror(name string) (tree signTree, below string) {
	if i := strings.LastIndex(name, "/"+streamsDir); i >= 0 {
		return signTree{root: name[:i+1], mirror: true}, name[i+1:]
	}
	root, below := path.Split(name)
	info, err := os.Stat(root + streamsDir)
	return signTree{root: root, mirror: err == nil && info.IsDir()}, below
}

// streamsDir is where a mirror has its documents.
var streamsDir = path.Dir(streams.DefaultPath) + "/"

// listJSON returns the .json files of a directory whose paths begin with below, hidden ones excepted.
func listJSON(ctx context.Context, root, below string) ([]string, error) {
	dir, err := store.OpenDir(root, store.DirOptions{})
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	var paths []string
	for name, err := range dir.List(ctx, below) {
		if err != nil {
			return nil, err
		}
		if strings.HasSuffix(name, ".json") && !strings.Contains("/"+name, "/.") {
			paths = append(paths, name)
		}
	}
	return paths, nil
}

// lockWait is how long signing waits for another run on the same mirror.
const lockWait = time.Minute

// keepOthersOut keeps other runs out of a directory until done is called. A directory that is no mirror is locked only where its
// filesystem can do that, and nothing is left behind there.
func keepOthersOut(ctx context.Context, dir *store.Dir, noTrace bool) (done func() error, err error) {
	wait, cancel := context.WithTimeout(ctx, lockWait)
	defer cancel()
	if !noTrace {
		return dir.Lock(wait)
	}
	unlock, err := store.LockDir(wait, dir.Path(), nil)
	switch {
	case err == nil:
		return func() error { return errors.Join(dir.Tidy(), unlock()) }, nil
	case wait.Err() != nil:
		return nil, err
	}
	return dir.Tidy, nil
}

// sign signs the documents of one tree in one change, and returns the names of those that it signed. It keeps other runs out.
func (t signTree) sign(ctx context.Context, o publish.SignOptions) (names []string, err error) {
	dir, err := store.OpenDir(t.root, store.DirOptions{})
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	unlock, err := keepOthersOut(ctx, dir, !t.mirror)
	if err != nil {
		return nil, err
	}
	paths, err := publish.Sign(ctx, dir, t.paths, o)
	for _, p := range paths {
		names = append(names, shownName(filepath.Join(t.root, p)))
	}
	return names, errors.Join(err, unlock())
}

// shownName is a file name as a person in the working directory would write it.
func shownName(name string) string {
	if here, err := os.Getwd(); err == nil {
		if below, err := filepath.Rel(here, name); err == nil && filepath.IsLocal(below) {
			return below
		}
	}
	return name
}

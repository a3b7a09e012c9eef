package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/spf13/pflag"

	"github.com/seed-43fb3962/sstream/fetch"
	"github.com/seed-43fb3962/sstream/sign"
	"github.com/seed-43fb3962/sstream/streams"
)

// sourceFlags say where a command reads from, whom it trusts, and how much it says.
type sourceFlags struct {
	path         string
	mirrors      []string
	keyrings     []string
	fingerprints []string
	noVerify     bool
	weakKeys     bool
	maxAge       time.Duration
	split        int64 // MiB
	verbose      int
	logFile      string

	headers    []string
	bearerFile string
	netrc      string
	http       fetch.HTTP
	old        bool // called by an old name, whose users may hold old keys
}

// add puts the flags that the old tools have as well on f, and the new ones, which yield to the old when a name is cut short.
func (s *sourceFlags) add(f *pflag.FlagSet, mirrors bool) {
	f.StringVar(&s.path, "path", "", "`document` to begin with, below the mirror (default: from the URL, else "+streams.DefaultPath+")")
	if mirrors {
		f.StringArrayVar(&s.mirrors, "mirror", nil, "another `root` to read from when the source fails (repeatable)")
	}
	f.StringArrayVar(&s.keyrings, "keyring", nil, "`file` of keys that are trusted (repeatable; default: gpg's own keyring)")
	f.BoolVarP(&s.noVerify, "no-verify", "U", false, "do not verify signatures")
	f.CountVarP(&s.verbose, "verbose", "v", "say more (-vv: everything)")
	f.StringVar(&s.logFile, "log-file", "", "`file` to write messages to, - for stdout (default: stderr)")
	addNew(f, func(f *pflag.FlagSet) {
		f.StringArrayVar(&s.fingerprints, "fingerprint", nil, "trust only the key with this `fingerprint` (repeatable)")
		f.BoolVar(&s.weakKeys, "allow-weak-keys", false, "trust keys and digests that can be forged: RSA 1024, DSA, SHA-1")
		f.DurationVar(&s.maxAge, "max-age", 0, "refuse a stream that was updated longer ago than this, as 48h")
		f.StringArrayVar(&s.headers, "header", nil, "send `name: value` to the source (repeatable)")
		f.StringVar(&s.bearerFile, "bearer-token-file", "", "`file` with a token to send to the source")
		f.StringVar(&s.netrc, "netrc", "", "`file` with passwords by host (default: $NETRC or ~/.netrc)")
		f.StringVar(&s.http.UserAgent, "user-agent", "", "what to call ourselves to servers")
		f.StringVar(&s.http.CAFile, "cacert", "", "`file` of certificate authorities to trust besides the system's")
		f.StringVar(&s.http.CertFile, "cert", "", "`file` with a client certificate")
		f.StringVar(&s.http.KeyFile, "key", "", "`file` with the key of --cert, if it is not in the same file")
		f.Int64Var(&s.split, "split", 0, "read items of so many `MiB` and more in parts, from all mirrors at once (0: never)")
		f.IntVar(&s.http.Retries, "retries", 4, "how often to ask all mirrors again")
		f.DurationVar(&s.http.IdleTimeout, "timeout", time.Minute, "give up on a connection that says nothing for so long")
	})
}

// newFlag marks a flag that the old tools do not have.
const newFlag = "new"

// addNew adds flags and marks them as new.
func addNew(f *pflag.FlagSet, add func(*pflag.FlagSet)) {
	had := map[string]bool{}
	f.VisitAll(func(flag *pflag.Flag) { had[flag.Name] = true })
	add(f)
	f.VisitAll(func(flag *pflag.Flag) {
		if !had[flag.Name] {
			if flag.Annotations == nil {
				flag.Annotations = map[string][]string{}
			}
			flag.Annotations[newFlag] = []string{"true"}
		}
	})
}

// quiet is the least of what is said without --verbose.
func (s *sourceFlags) quiet() slog.Level {
	if s.old {
		return slog.LevelError
	}
	return slog.LevelWarn
}

// logger returns where messages go, and what closes it.
func (s *sourceFlags) logger(a *app, quiet slog.Level) (*slog.Logger, func() error, error) {
	var out io.Writer = a.stderr
	done := func() error { return nil }
	switch s.logFile {
	case "":
	case "-":
		out = a.stdout
	default:
		f, err := os.Create(s.logFile)
		if err != nil {
			return nil, nil, usageError("cannot write the log file: %w", err)
		}
		out, done = f, f.Close
	}
	level := quiet
	switch {
	case s.verbose == 1:
		level = slog.LevelInfo
	case s.verbose > 1:
		level = slog.LevelDebug
	}
	return slog.New(&lineHandler{mu: new(sync.Mutex), out: out, level: level}), done, nil
}

// open returns the mirror that address leads to and the document to begin with there.
func (s *sourceFlags) open(a *app, address string, log *slog.Logger, cache fetch.Cache) (*fetch.Mirror, string, error) {
	if s.http.KeyFile != "" && s.http.CertFile == "" {
		return nil, "", usageError("--key needs --cert: the certificate that it is the key of")
	}
	root, path := streams.SplitURL(address, s.path)
	path, err := streams.CleanPath(path)
	if err != nil {
		return nil, "", fmt.Errorf("cannot read a document: %w", err)
	}
	switch info, err := os.Stat(root); {
	case err == nil && info.Mode().IsRegular():
		return nil, "", fmt.Errorf("cannot read %s as a mirror: it is a file; the document to begin with is named by --path, below the directory", root)
	case errors.Is(err, fs.ErrNotExist) && !strings.Contains(root, ":/") && len(s.mirrors) == 0:
		return nil, "", fmt.Errorf("cannot read %s: there is no such directory, and the address of a server begins with https:// or http://", root)
	}
	policy, err := s.policy(a)
	if err != nil {
		return nil, "", err
	}
	o := fetch.Options{Mirrors: s.mirrors, Policy: policy, Cache: cache, NoStamps: cache == nil, ParseLater: cache != nil, Logger: log, HTTP: s.http, MaxAge: s.maxAge}
	o.SplitSize = s.split << 20
	o.HeaderTimeout = s.http.IdleTimeout
	if len(s.keyrings) > 0 && !s.noVerify {
		o.Detached = fetch.DetachedRequired
		if s.old { // the old tools do not look for detached signatures
			o.Detached = fetch.DetachedChecked
		}
	}
	if s.http.Retries == 0 {
		o.Retries = -1
	}
	o.Netrc = s.netrc
	if o.Netrc == "" {
		o.Netrc = fetch.NetrcPath(a.getenv)
	}
	if o.Header, err = headers(s.headers); err != nil {
		return nil, "", err
	}
	if s.bearerFile != "" {
		token, err := os.ReadFile(s.bearerFile)
		if err != nil {
			return nil, "", fmt.Errorf("cannot read the bearer token: %w", err)
		}
		o.Bearer = strings.TrimSpace(string(token))
	}
	m, err := fetch.Open(root, o)
	return m, path, err
}

func headers(list []string) (http.Header, error) {
	h := http.Header{}
	for _, text := range list {
		name, value, ok := strings.Cut(text, ":")
		if !ok || strings.TrimSpace(name) == "" {
			return nil, usageError("--header %q is not name: value", text)
		}
		h.Add(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	return h, nil
}

// policy says whose signatures are trusted. A keyring that will not be needed is not looked at.
func (s *sourceFlags) policy(a *app) (*sign.Policy, error) {
	p := &sign.Policy{NoVerify: s.noVerify, AllowWeakKeys: s.weakKeys || s.old, AllowSHA1: s.weakKeys, AllowTrailing: s.old}
	for _, text := range s.fingerprints {
		f, err := sign.ParseFingerprint(text)
		if err != nil {
			return nil, usageError("--fingerprint: %w", err)
		}
		p.Fingerprints = append(p.Fingerprints, f)
	}
	if s.noVerify {
		return p, nil
	}
	if len(s.keyrings) == 0 {
		p.Keys = sign.DefaultKeyring(a.getenv)
		return p, nil
	}
	keys, err := sign.LoadKeyring(s.keyrings...)
	if err != nil {
		return nil, err
	}
	p.Keys = keys
	return p, nil
}

package web

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

// ServeOptions are how [Serve] serves. The zero value is plain HTTP.
type ServeOptions struct {
	Certificate string        // file with the PEM certificates of the server, read again when it changes; empty: no TLS
	Key         string        // file with the PEM key; if empty, it is in Certificate
	Grace       time.Duration // for running downloads, once the context has ended; 0: ten seconds
	Log         *slog.Logger  // for what goes wrong on connections; nil: nowhere
}

// Check returns an error if the certificate cannot be loaded, before anybody is told that there is a server.
func (o ServeOptions) Check() error {
	if o.Certificate == "" {
		return nil
	}
	_, err := (&keyPair{certificate: o.Certificate, key: o.Key}).get(nil)
	return err
}

// Serve answers what comes in on l with h, until ctx ends: then it accepts nothing more, lets running answers finish for
// a while and returns nil. It closes l.
func Serve(ctx context.Context, l net.Listener, h http.Handler, o ServeOptions) error {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Grace == 0 {
		o.Grace = 10 * time.Second
	}
	server := &http.Server{
		Handler:           patiently(h),
		ReadHeaderTimeout: 20 * time.Second,
		ReadTimeout:       time.Minute,
		WriteTimeout:      patience, // patient prolongs it while a client keeps reading
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(o.Log.Handler(), slog.LevelWarn),
	}
	if o.Certificate != "" {
		pair := &keyPair{certificate: o.Certificate, key: o.Key, log: o.Log}
		if _, err := pair.get(nil); err != nil {
			l.Close()
			return err
		}
		server.TLSConfig = &tls.Config{GetCertificate: pair.get, MinVersion: tls.VersionTLS12}
	}
	stopped := make(chan error, 1)
	unhook := context.AfterFunc(ctx, func() { stopped <- stop(server, o.Grace) })
	defer unhook()
	var err error
	if server.TLSConfig != nil {
		err = server.ServeTLS(l, "", "")
	} else {
		err = server.Serve(l)
	}
	if !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("cannot serve: %w", err)
	}
	return <-stopped
}

// stop lets running answers finish, but not for longer than grace.
func stop(server *http.Server, grace time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return server.Close()
	}
	return nil
}

// keyPair is a certificate with its key in files that are renewed while the server runs.
type keyPair struct {
	certificate, key string
	log              *slog.Logger

	mu       sync.Mutex
	loaded   *tls.Certificate
	modified time.Time // of the certificate's file
}

// get returns the pair as the files have it now; if they cannot be read, as they had it before.
func (k *keyPair) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	info, err := os.Stat(k.certificate)
	if err == nil && k.loaded != nil && info.ModTime().Equal(k.modified) {
		return k.loaded, nil
	}
	key := k.key
	if key == "" {
		key = k.certificate
	}
	pair, err := tls.LoadX509KeyPair(k.certificate, key)
	switch {
	case err == nil:
		k.loaded = &pair
		if info != nil {
			k.modified = info.ModTime()
		}
	case k.loaded == nil:
		return nil, fmt.Errorf("cannot load the certificate %s: %w", k.certificate, err)
	default:
		k.log.Warn("cannot renew the certificate, the old one stays", "file", k.certificate, "error", err)
	}
	return k.loaded, nil
}

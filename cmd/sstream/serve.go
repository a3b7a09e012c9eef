package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/seed-43fb3962/sstream/web"
)

func newServeCommand(a *app) *cobra.Command {
	var listen string
	var quiet bool
	var o web.ServeOptions
	cmd := &cobra.Command{
		Use:   "serve DIR",
		Short: "Serve a mirror or a stream over HTTP",
		Long: `serve answers HTTP requests with the files below DIR: a mirror, or a stream made by build.

Ranges, conditional requests and the .gz beside a document are answered as clients expect. Files and directories whose
name begins with a dot are not served, nor is anything outside DIR. LXD and Incus accept only HTTPS: give a certificate.
It is read again when its file changes.

The command runs until it is interrupted; running downloads may then finish.

` + exitHelp,
		Example: `  sstream serve /srv/images
  sstream serve /srv/images --listen :443 --tls-cert fullchain.pem --tls-key privkey.pem`,
		Args: exactly("DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.Key != "" && o.Certificate == "" {
				return usageError("--tls-key needs --tls-cert")
			}
			o.Log = slog.New(slog.DiscardHandler)
			if !quiet {
				o.Log = slog.New(slog.NewTextHandler(a.stderr, nil))
			}
			return serve(cmd.Context(), a, args[0], listen, o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&listen, "listen", "localhost:8080", "`address` to listen on; \":8080\" for every interface, port 0 for any that is free")
	f.StringVar(&o.Certificate, "tls-cert", "", "`file` with the server's certificate chain in PEM; serves HTTPS")
	f.StringVar(&o.Key, "tls-key", "", "`file` with the certificate's key in PEM, if it is not in the same file")
	f.DurationVar(&o.Grace, "grace", 10*time.Second, "how long running downloads may take to finish")
	f.BoolVarP(&quiet, "quiet", "q", false, "do not log requests")
	return cmd
}

func serve(ctx context.Context, a *app, dir, listen string, o web.ServeOptions) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("cannot serve: %w", err)
	}
	defer root.Close()
	if err := o.Check(); err != nil {
		return err
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", listen)
	if err != nil {
		return fmt.Errorf("cannot serve: %w", err)
	}
	scheme := "http"
	if o.Certificate != "" {
		scheme = "https"
	}
	if _, err := fmt.Fprintf(a.stdout, "serving %s at %s://%s/\n", dir, scheme, l.Addr()); err != nil {
		return err
	}
	return web.Serve(ctx, l, web.Log(web.Handler(root), o.Log), o)
}

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/seed-43fb3962/sstream/maintain"
)

func newGenerateMetadataCommand(a *app) *cobra.Command {
	var arch, created, expires string
	var properties []string
	fields := []struct{ name, text string }{
		{"os", "`name` of the distribution"}, {"release", "`name` of the release"}, {"variant", "`name` of the variant"},
		{"description", "`text` for people (default: made of the others)"},
	}
	values := make([]string, len(fields))
	cmd := &cobra.Command{
		Use:   "generate-metadata FILE",
		Short: "Make the metadata file of an image",
		Long: `generate-metadata writes FILE, a tarball with the metadata.yaml that LXD and Incus ask of an image. It asks no questions,
and makes the same file of the same options, if one of them is --created or SOURCE_DATE_EPOCH says what time it is.

` + exitHelp,
		Example: `  sstream generate-metadata incus.tar.xz --os Ubuntu --release noble --arch x86_64
  sstream add incus.tar.xz rootfs.squashfs --root /srv/images`,
		Args: exactly("FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			m := &maintain.Metadata{Architecture: arch, Properties: map[string]string{"architecture": arch}}
			for i, f := range fields {
				if values[i] != "" {
					m.Properties[f.name] = values[i]
				}
			}
			if m.Properties["os"] == "" || m.Properties["release"] == "" {
				return usageError("--os and --release are needed")
			}
			for _, p := range properties {
				key, value, ok := strings.Cut(p, "=")
				if !ok {
					return usageError("--property: %q is not KEY=VALUE", p)
				}
				m.Properties[key] = value
			}
			made, err := now(a)
			if err != nil {
				return err
			}
			if m.CreationDate, err = unixTime(created, made); err != nil {
				return usageError("--created: %v", err)
			}
			if m.ExpiryDate, err = unixTime(expires, time.Unix(0, 0)); err != nil {
				return usageError("--expires: %v", err)
			}
			if m.Properties["description"] == "" {
				m.Properties["description"] = fmt.Sprintf("%s %s %s (%s)", m.Properties["os"], m.Properties["release"], arch,
					time.Unix(m.CreationDate, 0).UTC().Format("20060102_1504"))
			}
			return writeMetadata(args[0], m)
		},
	}
	f := cmd.Flags()
	for i, field := range fields {
		f.StringVar(&values[i], field.name, "", field.text)
	}
	f.StringVar(&arch, "arch", kernelArch(), "`architecture` as the kernel calls it")
	f.StringVar(&created, "created", "", "`time` at which the image was made, as 2006-01-02T15:04:05Z or in seconds since 1970 (default: now)")
	f.StringVar(&expires, "expires", "", "`time` at which the image expires (default: never)")
	f.StringArrayVar(&properties, "property", nil, "further property `KEY=VALUE`; may be repeated")
	return cmd
}

// unixTime reads a time as people or programs write it.
func unixTime(text string, none time.Time) (int64, error) {
	if text == "" {
		return none.Unix(), nil
	}
	if seconds, err := strconv.ParseInt(text, 10, 64); err == nil && len(text) != len("20060102") {
		return seconds, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly, "20060102_1504", "20060102"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.Unix(), nil
		}
	}
	return 0, fmt.Errorf("%q is not a time", text)
}

func kernelArch() string {
	names := map[string]string{"amd64": "x86_64", "arm64": "aarch64", "386": "i686", "arm": "armv7l"}
	if name, ok := names[runtime.GOARCH]; ok {
		return name
	}
	return runtime.GOARCH
}

// writeMetadata makes the file, or none.
func writeMetadata(name string, m *maintain.Metadata) (err error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already", name)
	}
	if err != nil {
		return err
	}
	defer func() {
		if err = errors.Join(err, f.Close()); err != nil {
			_ = os.Remove(name)
		}
	}()
	return maintain.WriteMetadata(f, m)
}

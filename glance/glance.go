// Package glance mirrors image files into the image service of an OpenStack cloud, and publishes what it holds as an
// image-ids stream, which Juju and others read to find the images of each region.
//
// A run has two halves. [Decide] reads the source and the regions and returns a [Plan], which can be printed; [Plan.Do]
// carries it out: it uploads images, publishes a product once its images are active, and then removes old images. The
// image service itself is the record of what is there, so that a run after an interrupted one puts things right.
//
// Two runs at a time on one content id do no harm, but waste: each leaves to the other what that is uploading and takes
// over what it has published, and what both have uploaded is there once after the next run. Runs on several content ids may
// write one index at the same time.
package glance

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/seed-43fb3962/sstream/openstack"
	"github.com/seed-43fb3962/sstream/publish"
	"github.com/seed-43fb3962/sstream/streams"
)

// Options say what is mirrored and how. The zero value is of use but for CloudName.
type Options struct {
	CloudName  string // published in the index
	NamePrefix string // before every image's name
	Visibility string // public, private, community or shared; empty: public

	Max  *int            // versions of a product that are held, the newest; nil: all
	Keep bool            // leave versions that left the source, as long as there are not more than Max
	Item streams.Filters // of the items that are wanted; nil: all. The commands' default is [DefaultFilters]

	HypervisorMapping bool              // say in images and stream for which hypervisor an image is made
	CustomProperties  map[string]string // set on every image that is uploaded
	ImportConversion  bool              // upload by way of an import, so that the service may convert images
	LatestProperty    bool              // the newest image of an OS version and architecture has latest=true, others do not
	ModifyHook        []string          // a command that changes an image's file before it is uploaded; empty: none

	Jobs    int           // products that are worked on at once; less than 1: 2
	Stale   time.Duration // after which an upload that is neither active nor queued is taken to be dead; 0: 12 hours
	TempDir string        // for the files that the hook works on; empty: the system's

	Log      *slog.Logger     // nil: nothing is logged
	Stdout   io.Writer        // receives "created ID: NAME" and "removing ID: NAME" and the hook's output; nil: nobody
	Stderr   io.Writer        // receives the hook's other output; nil: nobody
	Progress func(Progress)   // is told of bytes read; called from several goroutines; nil: nobody
	Environ  []string         // the hook's environment, to which the item's fields are added
	Now      func() time.Time // nil: time.Now
	NewID    func() string    // makes the ID of a new image; nil: a random UUID
}

// DefaultFilters are what the commands take if the user gives no filter.
var DefaultFilters = []string{"ftype~(disk1.img|disk.img)", "arch~(x86_64|amd64|i386)"}

// Visibilities that an image can have.
var Visibilities = []string{"public", "private", "community", "shared"}

// Progress tells how far the reading of an image is.
type Progress struct {
	Name    string // of the image
	PubName string // of the item, as the source publishes it; the image's name if it does not
	Size    int64  // in bytes
	Read    int64  // in bytes; it begins again if the image has to be read again
	Done    bool   // every region that wants the image has taken it, or has failed
}

func (o *Options) setDefaults() {
	if o.Jobs < 1 {
		o.Jobs = 2
	}
	if o.Stale == 0 {
		o.Stale = 12 * time.Hour
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.Stdout, o.Stderr = &sharedWriter{w: o.Stdout}, &sharedWriter{w: o.Stderr}
	if o.Progress == nil {
		o.Progress = func(Progress) {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.NewID == nil {
		o.NewID = newUUID
	}
}

func (o *Options) visibility() string {
	if o.Visibility == "" {
		return Visibilities[0]
	}
	return o.Visibility
}

// newUUID returns a random UUID (version 4).
func newUUID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// NewTarget makes a target of a region of a cloud. In contentID "%(region)s" stands for the region, "%%" for "%".
func NewTarget(cloud *openstack.Cloud, regionName, contentID string, publisher *publish.Publisher) (*Target, error) {
	images, err := cloud.Image(regionName)
	if err != nil {
		return nil, err
	}
	id, err := expandRegion(contentID, regionName)
	if err != nil {
		return nil, err
	}
	return &Target{Region: regionName, ContentID: id, images: service{images}, Publisher: publisher, authURL: cloud.AuthURL(), project: cloud.Project()}, nil
}

// expandRegion is Python's text % {"region": name}, as far as the tools' users need it.
func expandRegion(text, name string) (string, error) {
	var b strings.Builder
	for {
		before, after, ok := strings.Cut(text, "%")
		b.WriteString(before)
		if !ok {
			break
		}
		switch rest, ok := strings.CutPrefix(after, "(region)s"); {
		case ok:
			b.WriteString(name)
			text = rest
		case strings.HasPrefix(after, "%"):
			b.WriteByte('%')
			text = after[1:]
		default:
			return "", fmt.Errorf("unknown placeholder in content id after %q: only %%(region)s is known", b.String()+"%")
		}
	}
	return b.String(), streams.CheckContentID(b.String())
}

// PartError is what could not be done in a run that did the rest.
type PartError struct {
	Errors []error // at least one
}

// Error returns one line for each.
func (e *PartError) Error() string { return errors.Join(e.Errors...).Error() }

// Unwrap returns them all.
func (e *PartError) Unwrap() []error { return e.Errors }

// cleanup gives what must be tidied up after an error some time, even if ctx is done.
func cleanup(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
}

// sharedWriter is what several goroutines write lines to; nil: nowhere.
type sharedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (s *sharedWriter) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.w == nil {
		return len(p), nil
	}
	return s.w.Write(p)
}

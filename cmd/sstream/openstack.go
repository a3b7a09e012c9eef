package main

import (
	"context"
	"log/slog"
	"strings"

	"github.com/seed-43fb3962/sstream/openstack"
	"github.com/seed-43fb3962/sstream/store"
	"github.com/seed-43fb3962/sstream/store/swift"
)

// connect signs in to the cloud of that name in clouds.yaml, or if name is empty to the one that the environment says.
func (a *app) connect(ctx context.Context, name string, log *slog.Logger) (*openstack.Cloud, error) {
	config, err := openstack.Load(name, a.getenv)
	if err != nil {
		return nil, err
	}
	return openstack.Connect(ctx, config, openstack.Options{Log: log, UserAgent: "sstream/" + version()})
}

// openSwift opens swift://CONTAINER[/PREFIX] as a target, in the region of the environment or of clouds.yaml. Nothing is
// made or changed before the first write.
func (a *app) openSwift(ctx context.Context, cloudName, location string, o swift.Options, log *slog.Logger) (store.Store, error) {
	container, prefix, err := swift.Split(location)
	if err != nil {
		return nil, usageError("%w", err)
	}
	cloud, err := a.connect(ctx, cloudName, log)
	if err != nil {
		return nil, err
	}
	service, err := cloud.ObjectStore(cloud.Region("object-store"))
	if err != nil {
		return nil, err
	}
	return swift.New(service, container, directoryPrefix(prefix), o), nil
}

// directoryPrefix makes a prefix end where a directory's name does.
func directoryPrefix(prefix string) string {
	if prefix == "" || strings.HasSuffix(prefix, "/") {
		return prefix
	}
	return prefix + "/"
}

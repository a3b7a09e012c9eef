.PHONY: build test lint ci examples
build:
	CGO_ENABLED=0 go build -o bin/sstream ./cmd/sstream
test:
	go test -race ./...
lint:
	.ci/lint
ci:
	.ci/run
examples:
	go run ./examples/generate

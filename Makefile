.PHONY: build test lint ci examples
build:
	go build -o bin/sstream ./cmd/sstream
test:
	go test -race ./...
lint:
	.ci/lint
ci:
	.ci/run
examples:
	go run ./examples/generate

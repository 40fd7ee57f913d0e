# make build   the binary, bin/dictnet; TAGS=noembed leaves the embedded chain out
# make demo    the main job on real input, narrated; CHAIN=anvil uses Anvil in place of the embedded chain
# make test    every test: formatting, vet, the contract's, Go's with the race detector and the real chains
# make gen     the contract's artifacts and Go binding, made anew

CHAIN ?= embedded
GO ?= go

.PHONY: build demo test test-contracts test-go check gen clean

build:
	$(GO) build -tags '$(TAGS)' -trimpath -ldflags='-s -w' -o bin/dictnet ./cmd/dictnet

demo: build $(if $(filter anvil,$(CHAIN)),contracts/node_modules/.package-lock.json)
	$(GO) run ./demo -dictnet bin/dictnet -chain $(CHAIN)

test: check test-contracts test-go

check:
	@test -z "$$(gofmt -l cmd chain codec contracts demo dictnet merkle)" || { gofmt -l cmd chain codec contracts demo dictnet merkle; echo 'gofmt these files'; exit 1; }
	$(GO) vet -tags peers ./...
	$(GO) vet -tags noembed ./cmd/...

test-contracts:
	contracts/test.sh

test-go: contracts/node_modules/.package-lock.json
	$(GO) test -race -tags peers -timeout 25m ./...

gen: contracts/node_modules/.package-lock.json
	cd contracts && node compile.js && $(GO) generate
	$(GO) test ./chain -run TestGas -update

contracts/node_modules/.package-lock.json: contracts/package-lock.json
	cd contracts && npm ci --silent

clean:
	rm -rf bin demo/out contracts/node_modules contracts/out contracts/cache

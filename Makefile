# make build   bin/dictnet and, beside it, bin/dictnet-full, to which it hands what needs libp2p or the embedded chain; TAGS=noembed leaves that chain out
# make demo    the main job on real input, narrated; CHAIN=anvil uses Anvil in place of the embedded chain
# make test    every test: formatting, vet, the contract's, Go's (the packages with the race detector) and the real chains
# make fuzz    every fuzz target for a minute; FUZZTIME=1h for longer, FUZZ='./codec/...' for some packages
# make bench   comparison with other tools on real releases, hours; BENCH=-quick: minutes; BENCH='-pairs esbuild -tools dictnet': in part; BENCH='-old FILE -new FILE': two files of yours
# make gen     the contract's artifacts and Go binding, made anew

CHAIN ?= embedded
GO ?= go
FUZZ ?= ./...
FUZZTIME ?= 1m

.PHONY: build bench bench-network demo fuzz test test-bench test-contracts test-fuzz test-go test-interop check gen clean

build:
	$(GO) build -tags '$(TAGS)' -trimpath -ldflags='-s -w' -o bin/linked ./cmd/dictnet
	install -m 755 bin/linked bin/dictnet-full # a copy takes 25 MB less when it runs: docs/operating.md
	CGO_ENABLED=0 $(GO) build -tags front -trimpath -ldflags='-s -w' -o bin/linked ./cmd/dictnet
	install -m 755 bin/linked bin/dictnet && rm bin/linked

demo: build $(if $(filter anvil,$(CHAIN)),contracts/node_modules/.package-lock.json)
	$(GO) run ./demo -dictnet bin/dictnet -chain $(CHAIN)

test: check test-contracts test-go test-fuzz test-bench test-interop

check:
	@bad=$$(gofmt -l bench cmd chain codec contracts demo dictnet internal interop merkle) && test -z "$$bad" || { echo "$$bad"; echo 'gofmt these files'; exit 1; }
	$(GO) vet -tags peers ./...
	$(GO) vet -tags noembed ./cmd/...
	$(GO) vet -tags front ./cmd/...

test-contracts:
	contracts/test.sh

test-go: contracts/node_modules/.package-lock.json
	$(GO) test -race -tags peers -timeout 25m $$($(GO) list ./... | grep -v ^dictnet/cmd/)
	$(GO) test -tags peers -timeout 25m ./cmd/... # starts itself a thousand times; test-interop does so with the race detector
	$(GO) test -run EveryBitFlip ./codec

# Seeds are run by test-go; this goes on from them, shortly.
test-fuzz:
	$(MAKE) fuzz FUZZ='./codec/... ./merkle/...' FUZZTIME=200x

fuzz:
	@packages=$$($(GO) list $(FUZZ)) || exit 1; \
	for p in $$packages; do \
		targets=$$($(GO) test -list '^Fuzz' $$p) || { echo "$$targets"; exit 1; }; \
		for f in $$(echo "$$targets" | grep '^Fuzz'); do \
			echo "$$f of $$p"; \
			$(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$p || exit 1; \
		done; \
	done

# The benchmark is a module of its own, so that what it needs costs users nothing.
test-bench:
	cd bench && $(GO) vet ./... && $(GO) test ./...

# What was measured is kept in bench/out, what was fetched in bench/cache: what is there already is not done again. It runs here, where FILE is named from.
bench: build
	cd bench && $(GO) build -o ../bin/bench .
	bin/bench -cache bench/cache -out bench/out -doc bench -dictnet bin/dictnet $(BENCH)

# Against Kubo, built here from its source, and Helia; dictnet itself runs with the race detector, and without where round trips are counted.
test-interop: interop/bin/ipfs interop/helia/node_modules/.package-lock.json
	$(GO) vet -tags interop ./interop
	$(GO) build -race -o interop/bin/dictnet ./cmd/dictnet
	$(GO) build -ldflags='-s -w' -o interop/bin/dictnet-plain ./cmd/dictnet
	$(GO) test -tags interop -timeout 15m ./interop

# What it prints goes by hand into docs/network.md. It needs 8 GB of disk under TMPDIR, and a quiet machine.
bench-network: interop/bin/ipfs
	$(GO) build -ldflags='-s -w' -o interop/bin/dictnet-plain ./cmd/dictnet
	$(GO) test -tags interop -timeout 60m -run '^$$' -bench . -benchtime 1x ./interop

interop/bin/ipfs: interop/kubo/go.mod interop/kubo/go.sum
	cd interop/kubo && $(GO) build -ldflags='-s -w' -o ../bin/ipfs github.com/ipfs/kubo/cmd/ipfs

interop/helia/node_modules/.package-lock.json: interop/helia/package-lock.json
	cd interop/helia && npm ci --silent

gen: contracts/node_modules/.package-lock.json
	cd contracts && node compile.js && $(GO) generate
	$(GO) test ./chain -run TestGas -update

contracts/node_modules/.package-lock.json: contracts/package-lock.json
	cd contracts && npm ci --silent

clean:
	rm -rf bin demo/out contracts/node_modules contracts/out contracts/cache interop/bin interop/helia/node_modules

package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// allowed is the import graph of ARCHITECTURE.md: each package, and which of ours it may import.
const allowed = `
dictnet/internal
dictnet/merkle
dictnet/codec: dictnet/codec/internal dictnet/internal dictnet/merkle
dictnet/dictnet: dictnet/codec dictnet/dictnet dictnet/internal dictnet/merkle
dictnet/contracts
dictnet/chain: dictnet/chain dictnet/contracts dictnet/internal dictnet/merkle
dictnet/cmd/dictnet: dictnet/chain dictnet/codec dictnet/dictnet dictnet/internal dictnet/merkle
dictnet/demo
dictnet/interop
`

// forbidden are packages that some of ours must not reach, not even through others.
const forbidden = `
dictnet/merkle: github.com golang.org
dictnet/codec: github.com/libp2p github.com/ipfs/boxo github.com/ethereum
dictnet/dictnet: github.com/ethereum
dictnet/dictnet/store: github.com/libp2p/go-libp2p
dictnet/chain: github.com/ipfs/boxo github.com/libp2p/go-libp2p
`

func rules(t *testing.T, text string) map[string][]string {
	t.Helper()
	m := map[string][]string{}
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		pkg, list, _ := strings.Cut(line, ":")
		m[pkg] = strings.Fields(list)
	}
	return m
}

func list(t *testing.T, args ...string) []string {
	t.Helper()
	out, err := exec.Command("go", append([]string{"list"}, args...)...).Output()
	if err != nil {
		t.Fatalf("go list %v: %v", args, err)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}

// within reports whether pkg is prefix or lies below it.
func within(pkg, prefix string) bool { return pkg == prefix || strings.HasPrefix(pkg, prefix+"/") }

func TestImportsAreOneWay(t *testing.T) {
	may := rules(t, allowed)
	for _, line := range list(t, "-f", `{{.ImportPath}} {{join .Imports " "}}`, "dictnet/...") {
		fields := strings.Fields(line)
		pkg := fields[0]
		part := ""
		for p := range may {
			if within(pkg, p) && len(p) > len(part) {
				part = p
			}
		}
		if part == "" {
			t.Errorf("%s is no part of ARCHITECTURE.md", pkg)
			continue
		}
		for _, i := range fields[1:] {
			if !within(i, "dictnet") || within(i, part) {
				continue
			}
			if !slices.ContainsFunc(may[part], func(p string) bool { return within(i, p) }) {
				t.Errorf("%s imports %s", pkg, i)
			}
		}
	}
}

func TestForbiddenDependencies(t *testing.T) {
	for pkg, prefixes := range rules(t, forbidden) {
		for _, dep := range list(t, "-deps", pkg) {
			for _, p := range prefixes {
				if within(dep, p) {
					t.Errorf("%s depends on %s", pkg, dep)
				}
			}
		}
	}
}

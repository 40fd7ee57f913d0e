package contracts

import (
	"bytes"
	"encoding/hex"
	"os"
	"sort"
	"strings"
	"testing"
)

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(b))
}

// The binding holds the committed ABI and bytecode. That these in turn are what the source gives is for check.sh to
// say, which needs the compiler.
func TestBindingMatchesArtifacts(t *testing.T) {
	if got, want := DictionaryRegistryMetaData.Bin, "0x"+read(t, "DictionaryRegistry.bin"); got != want {
		t.Error("registry.go was generated from another DictionaryRegistry.bin: run go generate")
	}
	// abigen takes out all white space, even that inside of strings ("struct Head").
	if abi := strings.Join(strings.Fields(read(t, "DictionaryRegistry.abi")), ""); DictionaryRegistryMetaData.ABI != abi {
		t.Error("registry.go was generated from another DictionaryRegistry.abi: run go generate")
	}
}

// The creation code ends with the code that it leaves on the chain: there is no constructor argument, no immutable
// variable and no metadata that could make two deployments differ.
func TestRuntimeCodeIsTheTailOfTheCreationCode(t *testing.T) {
	creation, err := hex.DecodeString(read(t, "DictionaryRegistry.bin"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasSuffix(creation, RuntimeCode()) {
		t.Error("DictionaryRegistry.bin does not end with DictionaryRegistry.bin-runtime")
	}
	if n := len(RuntimeCode()); n == 0 || n > 24576 {
		t.Errorf("runtime code has %d bytes, allowed are 1 to 24576 (EIP-170)", n)
	}
}

// Nobody but the registry's users depends on the list below; it is here so that a change to the contract's surface is
// seen for what it is.
func TestSurface(t *testing.T) {
	parsed, err := DictionaryRegistryMetaData.ParseABI()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range parsed.Methods {
		got = append(got, "function "+m.Sig+" "+m.StateMutability)
	}
	for _, e := range parsed.Events {
		got = append(got, "event "+e.Sig)
	}
	for _, e := range parsed.Errors {
		got = append(got, "error "+e.Sig)
	}
	sort.Strings(got)
	want := read(t, "testdata/surface.txt")
	if s := strings.Join(got, "\n"); s != want {
		t.Errorf("surface differs from testdata/surface.txt:\n%s", s)
	}
	if parsed.Constructor.Inputs != nil || parsed.HasFallback() || parsed.HasReceive() {
		t.Error("the contract has a constructor with arguments, a fallback or a receive function")
	}
	for _, m := range parsed.Methods {
		if m.IsPayable() {
			t.Errorf("%s takes money", m.Sig)
		}
	}
}

// What the contract's users are promised that it does without.
func TestSourceKeepsItsPromises(t *testing.T) {
	source := read(t, "DictionaryRegistry.sol")
	if n := strings.Count(source, "assembly ("); n != 1 {
		t.Errorf("%d assembly blocks, want the one in _hashNode", n)
	}
	for _, word := range []string{"delegatecall", "selfdestruct", "callcode", ".call(", ".call{", "create2", "external payable", "public payable", "tx.origin", "immutable", "unchecked", "constructor"} {
		if strings.Contains(source, word) {
			t.Errorf("the source has %q", word)
		}
	}
}

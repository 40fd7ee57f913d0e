package chain

import (
	"os"
	"strings"
	"testing"
)

// People look the address up in the documentation, and expect what is there to be the contract that is here.
func TestFixedAddressIsDocumented(t *testing.T) {
	doc, err := os.ReadFile(gasDoc)
	if err != nil {
		t.Fatal(err)
	}
	if want := FixedAddress().Hex(); !strings.Contains(string(doc), want) {
		t.Errorf("%s does not name the fixed address, %s", gasDoc, want)
	}
}

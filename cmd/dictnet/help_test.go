package main

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// Every verb shows examples and the exit codes, and examples that anchor a version say who pays.
func TestHelp(t *testing.T) {
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		if c.Example == "" {
			t.Errorf("%s has no example", c.CommandPath())
		}
		if !strings.Contains(c.Long, exitHelp) {
			t.Errorf("%s does not list the exit codes", c.CommandPath())
		}
		for line := range strings.Lines(c.Example) {
			if strings.Contains(line, "dictnet publish") && !strings.Contains(line, "key") && !strings.Contains(line, "--no-chain") {
				t.Errorf("%s: no account is named that pays: %s", c.CommandPath(), line)
			}
		}
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	root := new(app).command()
	visit(root)
	for _, form := range []string{"/ipns/NAME", "eip155:CHAIN:REGISTRY/DICTIONARY"} {
		if !strings.Contains(root.Long, form) || !strings.Contains(dictRefForms, form) {
			t.Errorf("help does not say that a dictionary is named by %s", form)
		}
	}
}

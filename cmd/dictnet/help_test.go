package main

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// Every verb shows examples and the exit codes.
func TestHelp(t *testing.T) {
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		if c.Example == "" {
			t.Errorf("%s has no example", c.CommandPath())
		}
		if !strings.Contains(c.Long, exitHelp) {
			t.Errorf("%s does not list the exit codes", c.CommandPath())
		}
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(new(app).command())
}

package main

import (
	"slices"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// The front program knows the names of the settings of the verbs that it does not have.
func TestSettingsOfOthers(t *testing.T) {
	flags := map[bool][]string{} // of the verbs that it does not have, and of the others
	var visit func(c *cobra.Command, others bool)
	visit = func(c *cobra.Command, others bool) {
		add := func(f *pflag.Flag) { flags[others] = append(flags[others], f.Name) }
		c.Flags().VisitAll(add)
		c.PersistentFlags().VisitAll(add)
		for _, sub := range c.Commands() {
			visit(sub, others || slices.Contains(othersVerbs, sub.Name()))
		}
	}
	visit(new(app).command(), false)
	only := slices.DeleteFunc(flags[true], func(name string) bool { return slices.Contains(flags[false], name) })
	slices.Sort(only)
	if only = slices.Compact(only); !slices.Equal(only, othersFlags) {
		t.Errorf("flags that only %q have: %q, not %q", othersVerbs, only, othersFlags)
	}
}

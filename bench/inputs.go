package main

import (
	_ "embed"
	"fmt"
	"regexp"
	"strings"
)

// inputsText lists every input: its file's name, the sha256 of its bytes, and how it is had.
//
//go:embed inputs.txt
var inputsText string

// input is a file that cases are made of.
type input struct {
	name   string
	sum    string   // sha256, hex; "-" while it is not known
	recipe []string // how it is had: what recipeNamed knows, and its arguments
}

var hexSum = regexp.MustCompile(`^([0-9a-f]{64}|-)$`)

// parseInputs reads a table of inputs: a line each, empty ones and those that begin with # left out.
func parseInputs(text string) (map[string]input, []string, error) {
	inputs := map[string]input{}
	var names []string
	for i, line := range strings.Split(text, "\n") {
		f := strings.Fields(line)
		if len(f) == 0 || strings.HasPrefix(f[0], "#") {
			continue
		}
		if len(f) < 4 || !hexSum.MatchString(f[1]) || recipeNamed(f[2]) == nil {
			return nil, nil, fmt.Errorf("inputs.txt:%d: want NAME SHA256 RECIPE ARGUMENT..., not %q", i+1, line)
		}
		if _, twice := inputs[f[0]]; twice {
			return nil, nil, fmt.Errorf("inputs.txt:%d: %s is there twice", i+1, f[0])
		}
		inputs[f[0]] = input{f[0], f[1], f[2:]}
		names = append(names, f[0])
	}
	return inputs, names, nil
}

package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	if len(os.Args) > 2 && os.Args[1] == launchVerb {
		os.Exit(launch(os.Args[2:]))
	}
	if err := bench(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func bench() error {
	var (
		cacheDir  = flag.String("cache", "cache", "directory of the inputs")
		outDir    = flag.String("out", "out", "directory of the measurements, one JSON file each")
		docDir    = flag.String("doc", ".", "where to write RESULTS.md and plots/")
		scratch   = flag.String("scratch", "", "where the tools work; a file system in memory leaves the disk out of it (default the system's)")
		program   = flag.String("dictnet", filepath.Join("..", "bin", "dictnet"), "the program to measure")
		pairsFlag = flag.String("pairs", "", "only cases whose names or kinds contain one of these, comma-separated")
		toolsFlag = flag.String("tools", "", "only tools whose names contain one of these, comma-separated")
		repeats   = flag.Int("repeats", 3, "how often each is measured")
		oldFile   = flag.String("old", "", "measure on two files of yours, and print what comes of it: what both sides hold")
		newFile   = flag.String("new", "", "with -old: what is to be sent")
		quick     = flag.Bool("quick", false, "only small cases, each once")
		redo      = flag.Bool("redo", false, "measure again what is measured already")
		report    = flag.Bool("report", false, "measure nothing, write RESULTS.md and the plots")
		noReport  = flag.Bool("no-report", false, "measure, and write no RESULTS.md")
		fetchOnly = flag.Bool("fetch", false, "only fetch and make the inputs")
		pin       = flag.Bool("pin", false, "fetch all inputs, and print the table of them with their hashes")
	)
	flag.Parse()
	if flag.NArg() > 0 {
		return fmt.Errorf("%q is no flag", flag.Arg(0))
	}
	if *quick {
		*repeats = 1
	}
	inputs, names, err := parseInputs(inputsText)
	if err != nil {
		return err
	}
	for _, p := range []*string{cacheDir, outDir, program, docDir} {
		if *p, err = filepath.Abs(*p); err != nil {
			return err
		}
	}
	for _, d := range []string{*cacheDir, *outDir} {
		if err := os.MkdirAll(d, 0o777); err != nil {
			return err
		}
	}
	say := func(format string, args ...any) {
		fmt.Fprintf(os.Stderr, time.Now().Format("15:04:05 ")+format+"\n", args...)
	}
	c := &cache{dir: *cacheDir, inputs: inputs, sums: map[string]string{}, say: say}
	chosen := slices.DeleteFunc(slices.Clone(cases), func(c testCase) bool {
		return *quick && !c.small || !selected(*pairsFlag, c.id, string(c.kind))
	})
	list := slices.DeleteFunc(tools(), func(t tool) bool { return !selected(*toolsFlag, t.name) })
	if len(chosen) == 0 || len(list) == 0 {
		return errors.New("no case or no tool is named so")
	}
	switch {
	case *pin:
		return pinInputs(c, names)
	case *fetchOnly:
		for _, tc := range chosen {
			for _, name := range []string{tc.old, tc.new} {
				if name == "" {
					continue
				}
				if _, err := c.path(name); err != nil {
					return err
				}
			}
		}
		return nil
	}
	r := &runner{cache: c, results: results{*outDir}, dictnet: *program, scratch: *scratch, repeats: *repeats, redo: *redo, say: say}
	if !*report {
		if r.scratch, err = os.MkdirTemp(*scratch, "bench-*"); err != nil {
			return err
		}
		defer os.RemoveAll(r.scratch)
		stop := make(chan os.Signal, 1)
		signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
		go func() {
			<-stop
			os.RemoveAll(r.scratch)
			os.Exit(130)
		}()
		if slices.ContainsFunc(list, func(t tool) bool { return t.dictnet }) {
			if r.version, err = programVersion(*program); err != nil {
				return err
			}
		}
		if *oldFile != "" || *newFile != "" {
			return runGiven(r, os.Stdout, *oldFile, *newFile, list)
		}
		for _, tc := range chosen {
			if err := r.runCase(tc, list); err != nil {
				return fmt.Errorf("%s: %w", tc.id, err)
			}
		}
	}
	if *noReport {
		return nil
	}
	return writeReport(*docDir, r.results)
}

// programVersion names a build of the program: its commit, if it is known, and its bytes.
func programVersion(program string) (string, error) {
	sum, err := fileSum(program)
	if err != nil {
		return "", err
	}
	return dictnetVersion() + " " + sum[:12], nil
}

// selected reports whether one of the words contains one of the comma-separated parts; no parts select all.
func selected(parts string, words ...string) bool {
	if parts == "" {
		return true
	}
	for _, p := range strings.Split(parts, ",") {
		if slices.ContainsFunc(words, func(w string) bool { return strings.Contains(w, p) }) {
			return true
		}
	}
	return false
}

// pinInputs prints the table of inputs with the hashes of the files that are there now.
func pinInputs(c *cache, names []string) error {
	for _, name := range names {
		if _, err := c.path(name); err != nil {
			return err
		}
	}
	for _, line := range strings.Split(strings.TrimSuffix(inputsText, "\n"), "\n") {
		if f := strings.Fields(line); len(f) > 3 && c.sums[f[0]] != "" {
			line = f[0] + " " + c.sums[f[0]] + " " + strings.Join(f[2:], " ")
		}
		fmt.Println(line)
	}
	return nil
}

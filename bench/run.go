package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// usage is what a process cost, as the kernel counted it (wait4).
type usage struct {
	Wall float64 `json:"wall"` // seconds
	CPU  float64 `json:"cpu"`  // seconds, user and system, all threads
	RSS  int64   `json:"rss"`  // bytes, the largest resident set
}

// add accumulates a process that ran after the others.
func (u *usage) add(v usage) {
	u.Wall += v.Wall
	u.CPU += v.CPU
	u.RSS = max(u.RSS, v.RSS)
}

// command is a program to run.
type command struct {
	argv []string
	dir  string                // "": this process's
	in   string                // a file for its standard input, or ""
	feed func(io.Writer) error // or what writes it
	out  string                // a file for its standard output, or ""
}

func cmd(argv ...string) command { return command{argv: argv} }

func (c command) String() string {
	s := strings.Join(c.argv, " ")
	if c.in != "" {
		s += " < " + c.in
	}
	if c.out != "" {
		s += " > " + c.out
	}
	return s
}

// launchVerb makes this program start another one and print what it cost. Linux counts the memory of the process that
// starts a program into that program's largest resident set, so only a small and fresh process can measure another.
const launchVerb = "launch"

// run runs the commands one after another and returns what they cost together.
func run(commands ...command) (usage, error) {
	var total usage
	self, err := os.Executable()
	if err != nil {
		return total, err
	}
	for _, c := range commands {
		u, err := runOne(self, c)
		if err != nil {
			return total, fmt.Errorf("%s: %w", c, err)
		}
		total.add(u)
	}
	return total, nil
}

func runOne(self string, c command) (usage, error) {
	report, reportTo, err := os.Pipe()
	if err != nil {
		return usage{}, err
	}
	defer report.Close()
	l := exec.Command(self, append([]string{launchVerb}, c.argv...)...)
	l.Dir = c.dir
	l.ExtraFiles = []*os.File{reportTo}
	var stderr bytes.Buffer
	l.Stderr = &stderr
	closeAll := func() { reportTo.Close() }
	for _, f := range []struct {
		name string
		open func(string) (*os.File, error)
		to   func(*os.File)
	}{
		{c.in, os.Open, func(f *os.File) { l.Stdin = f }},
		{c.out, os.Create, func(f *os.File) { l.Stdout = f }},
	} {
		if f.name == "" {
			continue
		}
		file, err := f.open(f.name)
		if err != nil {
			closeAll()
			return usage{}, err
		}
		defer file.Close()
		f.to(file)
	}
	if c.feed != nil {
		to, err := l.StdinPipe()
		if err != nil {
			closeAll()
			return usage{}, err
		}
		go func() {
			c.feed(to) // if it ends early, so does the program's input, and that is noticed
			to.Close()
		}()
	}
	err = l.Start()
	closeAll()
	if err != nil {
		return usage{}, err
	}
	var u usage
	decodeErr := json.NewDecoder(report).Decode(&u)
	if err := l.Wait(); err != nil {
		text := bytes.TrimSpace(stderr.Bytes())
		if len(text) > 2000 {
			text = text[len(text)-2000:]
		}
		return usage{}, fmt.Errorf("%w: %s", err, text)
	}
	return u, decodeErr
}

// launch is what run starts: it runs argv with its own standard streams and writes its usage to file descriptor 3.
func launch(argv []string) int {
	report := os.NewFile(3, "report")
	syscall.CloseOnExec(3)
	c := exec.Command(argv[0], argv[1:]...)
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	start := time.Now()
	err := c.Run()
	wall := time.Since(start)
	if c.ProcessState != nil {
		r := c.ProcessState.SysUsage().(*syscall.Rusage)
		rss := r.Maxrss
		if runtime.GOOS == "linux" {
			rss <<= 10 // from KiB
		}
		cpu := c.ProcessState.UserTime() + c.ProcessState.SystemTime()
		json.NewEncoder(report).Encode(usage{wall.Seconds(), cpu.Seconds(), rss})
	}
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit) && exit.ExitCode() > 0:
		return exit.ExitCode()
	}
	fmt.Fprintln(os.Stderr, err)
	return 127
}

// Command dictnet sends very large files as tiny templates against shared, verifiable dictionaries.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := untilSignal()
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// endSignals are those that ask the process to end: Ctrl-C, SIGTERM, and, unless it was started under nohup, the end of its session.
func endSignals() []os.Signal {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		signals = append(signals, syscall.SIGHUP)
	}
	return signals
}

// untilSignal returns a context that ends when the process is asked to end.
func untilSignal() (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(context.Background(), endSignals()...)
	context.AfterFunc(ctx, func() {
		signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP) // dropped from now on: the shell and the kernel may both send one
		stop()                                                 // a second signal of another kind ends the process at once
	})
	return ctx, stop
}

package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"dictnet/codec"
	"dictnet/codec/records"
	"dictnet/dictnet"
)

// selectFlags say what of the samples goes into a dictionary.
type selectFlags struct {
	by     string // all or repeated
	budget byteSize
	lines  bool
}

const defaultBudget = 110 << 10

func (s *selectFlags) add(c *cobra.Command) {
	s.budget = defaultBudget
	f := c.Flags()
	f.StringVar(&s.by, "select", "all", "what is taken: all; or repeated, what the samples share, trained for encode --records")
	f.Var(&s.budget, "budget", "with --select repeated, the most bytes that are added to the tape")
	f.BoolVar(&s.lines, "lines", false, "with --select repeated, each line of a file is a sample, not the file")
}

// repeated reports whether the dictionary is one for records.
func (s *selectFlags) repeated(c *cobra.Command) (bool, error) {
	switch s.by {
	case "all":
		for _, name := range []string{"budget", "lines"} {
			if c.Flags().Changed(name) {
				return false, usageErrorf("add it", "--%s goes with --select repeated", name)
			}
		}
		return false, nil
	case "repeated":
		for _, name := range []string{"trees", "context", "chunk-size", "min-freq"} {
			if c.Flags().Changed(name) {
				return false, usageErrorf("leave it out", "--%s does not go with --select repeated", name)
			}
		}
		return true, nil
	}
	return false, usageErrorf("all or repeated", "--select %s is not known", s.by)
}

// buildRecords trains a dictionary for records and appends it to what is there.
func (a *app) buildRecords(c *cobra.Command, samples []labelledSample, out string, s selectFlags) error {
	ctx := c.Context()
	ref, err := parseBuildRef(out)
	if err != nil {
		return err
	}
	var files []string
	var total int64
	for _, sample := range samples {
		found, size, err := sampleFiles(sample.name, false)
		if err != nil {
			return err
		}
		files = append(files, found...)
		total += max(size, 0)
	}
	b, err := records.NewBuilder(int(min(s.budget, 1<<31-1)))
	if err != nil {
		return err
	}
	bar := a.progress("read", total)
	defer bar.end()
	for _, name := range files {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := a.addRecords(ctx, b, name, s.lines); err != nil {
			return err
		}
		_, read := b.Seen()
		bar.set(read)
	}
	bar.end()
	home, name, done, err := a.buildHome(c, ref)
	if err != nil {
		return err
	}
	defer done()
	ext, err := dictnet.NewPublisher(home).Extend(ctx, name)
	if err != nil {
		return err
	}
	seen, read := b.Seen()
	result := buildResult{Name: out, Samples: int64(seen), Read: read}
	err = b.Finish(func(block codec.Block) error {
		result.Added++
		result.Taken += int64(block.RawLen)
		result.Stored += int64(len(block.Data))
		return ext.Add(block)
	})
	if errors.Is(err, records.ErrFewSamples) {
		return &hinted{err, exitUsage, "name a directory of them, or give --lines if each line is one"}
	}
	if err != nil {
		return err
	}
	version, err := ext.Commit()
	if err != nil {
		return err
	}
	if ref.car != "" {
		if err := a.exportCAR(ctx, home, version.Ref.Manifest, ref.car); err != nil {
			return err
		}
	}
	result.Size, result.Tape = version.Ref.Size, version.TapeSize
	result.Root, result.Manifest = version.Ref.Root.String(), version.Ref.Manifest.String()
	return a.print(result, result.rows()...)
}

func (a *app) addRecords(ctx context.Context, b *records.Builder, name string, lines bool) error {
	in, err := a.open(ctx, name)
	if err != nil {
		return err
	}
	defer in.close()
	if lines {
		err = b.AddLines(in)
	} else {
		err = b.AddFile(in)
	}
	if errors.Is(err, records.ErrTooLong) {
		return &hinted{fmt.Errorf("sample %s: %w", in.name, err), exitUsage, "without --lines, a file of any length is a sample, or several"}
	}
	if err != nil {
		return fmt.Errorf("sample %s: %w", in.name, err)
	}
	return nil
}

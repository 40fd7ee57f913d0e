package main

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"dictnet/codec"
	"dictnet/dictnet"
	"dictnet/dictnet/store"
)

func (a *app) buildCommand() *cobra.Command {
	var out string
	var trees, parallel bool
	var labels []string
	var choice selectFlags
	var o codec.BuildOptions
	c := &cobra.Command{
		Use:   "build SAMPLE... -o DICT",
		Short: "Build or extend a dictionary from samples",
		Long: `Build a dictionary from samples: files, directories (all regular files below them, in lexical order), or - for stdin.
If DICT exists already, what it holds is not taken again and what is new is appended, as a new version.

With --trees, a directory is one sample, packed as encode packs it: for releases that are directories.

With --context NAME, what the samples bring, and what of them is there already, belongs to an expansion context: encode --contexts uses only what
belongs to the contexts that it names. --context NAME=SAMPLE labels one sample. With --parallel, line i of each context's file says the same, so that it has one code with
one meaning per context: what encode --context NAME makes of a text, decode --context plays in any of them.

DICT is a local name, or the name of a CAR file that will hold the dictionary.

` + exitHelp,
		Example: `  dictnet build release-1.tar -o releases
  dictnet build release-2.tar -o releases          # appends what is new
  dictnet build release-1/ -o releases --trees
  dictnet build --context VIDEO clips/ -o media
  dictnet build --context VIDEO=clips/ --context TEXT=subtitles/ -o media
  dictnet build --parallel --context en=messages.en --context fr=messages.fr -o messages
  dictnet build --select repeated --budget 110KiB documents/ -o documents
  dictnet build samples/ --out samples.car --chunk-size 4096
  zcat dump.sql.gz | dictnet build - -o dumps --min-freq 2`,
		RunE: func(c *cobra.Command, args []string) error {
			samples, err := labelledSamples(args, labels)
			if err == nil && len(samples) == 0 {
				err = usageErrorf(c.CommandPath()+" --help shows examples", "%s needs at least one sample", c.CommandPath())
			}
			if err == nil && isCAR(out) {
				var names []string
				for _, s := range samples {
					names = append(names, s.name)
				}
				err = cmp.Or(a.apart(out, "", names...), a.outside(out, names...))
			}
			if err != nil {
				return err
			}
			if parallel {
				if name := typedFlag(c, "trees", "select", "budget", "lines", "chunk-size", "min-freq"); name != "" {
					return usageErrorf("leave it out", "--%s does not go with --parallel", name)
				}
				return a.buildParallel(c, samples, out)
			}
			if repeated, err := choice.repeated(c); err != nil {
				return err
			} else if repeated {
				return a.buildRecords(c, samples, out, choice)
			}
			return a.build(c, samples, out, trees, o)
		},
	}
	f := c.Flags()
	f.StringVarP(&out, "out", "o", "", "the dictionary: a local name, or a file.car")
	f.BoolVar(&trees, "trees", false, "take a directory as the tree that encode makes of it, with what lists its files")
	f.StringArrayVar(&labels, "context", nil, "the expansion context that the samples belong to, or NAME=SAMPLE; may be given several times")
	f.BoolVar(&parallel, "parallel", false, "with --context NAME=FILE for two contexts or more: line i of each says the same")
	f.IntVar(&o.ChunkSize, "chunk-size", codec.DefaultBuildChunk, "average length of the chunks that samples are compared by, in bytes")
	choice.add(c)
	f.IntVar(&o.MinFreq, "min-freq", 1, "how often a chunk occurs in the samples before it is taken")
	return c
}

type buildResult struct {
	Name     string `json:"name"`
	Samples  int64  `json:"samples"`
	Read     int64  `json:"read"`        // bytes of samples
	Added    uint64 `json:"addedNotes"`  // by this build
	Taken    int64  `json:"addedBytes"`  // raw
	Size     uint64 `json:"size"`        // notes
	Tape     uint64 `json:"tapeBytes"`   // raw
	Stored   int64  `json:"storedBytes"` // by this build
	Root     string `json:"root"`
	Manifest string `json:"manifest"`

	Contexts []contextInfo `json:"contexts,omitempty"`
}

func (r *buildResult) rows() []row {
	return append([]row{
		{"dictionary", r.Name},
		{"read", fmt.Sprintf("%s in %d samples", bytesText(r.Read), r.Samples)},
		{"added", fmt.Sprintf("%d notes, %s, stored as %s", r.Added, bytesText(r.Taken), bytesText(r.Stored))},
		{"size", fmt.Sprintf("%d notes, %s", r.Size, bytesText(r.Tape))},
		{"root", r.Root},
		{"manifest", r.Manifest}}, contextRows(r.Contexts)...)
}

func (a *app) build(c *cobra.Command, samples []labelledSample, out string, trees bool, o codec.BuildOptions) error {
	ctx := c.Context()
	ref, err := parseBuildRef(out)
	if err != nil {
		return err
	}
	// Find all samples first: a mistyped name is better told now than after an hour.
	var total int64
	for i, s := range samples {
		found, size, err := sampleFiles(s.name, trees)
		if err != nil {
			return err
		}
		samples[i].files = found
		if size < 0 || total < 0 {
			total = -1
		} else {
			total += size
		}
	}
	home, name, done, err := a.buildHome(c, ref)
	if err != nil {
		return err
	}
	defer done()
	bar := a.progress("build", total)
	defer bar.end()
	o.Progress = bar.set
	ext, err := dictnet.NewPublisher(home).Extend(ctx, name)
	if err != nil {
		return err
	}
	if base := ext.Base(); base.Size > 0 {
		client := dictnet.NewClient(dictnet.Options{Store: home})
		defer client.Close()
		tape, err := client.Open(ctx, base)
		if err != nil {
			return err
		}
		if o.BaseIndex, err = a.tapeIndex(ctx, home, base, tape); err != nil {
			return err
		}
		o.Base = tape
	}
	labels := labelsOf(samples)
	o.Placed = labels.placed()
	b, err := codec.NewBuilder(ctx, ext.Add, o)
	if err != nil {
		return err
	}
	for _, s := range samples {
		err := b.Label(s.label)
		for i := 0; i < len(s.files) && err == nil; i++ {
			err = a.addSample(ctx, b, s.files[i])
		}
		if err != nil {
			b.Close()
			return err
		}
	}
	if err := b.Close(); err != nil {
		return err
	}
	bar.end()
	if err := labels.give(ext); err != nil {
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
	stats := b.Stats()
	result := buildResult{
		Name: out, Samples: stats.Samples, Read: stats.Read, Added: version.Ref.Size - version.Old.Size, Taken: stats.Taken, Stored: stats.Stored,
		Size: version.Ref.Size, Tape: version.TapeSize, Root: version.Ref.Root.String(), Manifest: version.Ref.Manifest.String(),
	}
	if result.Contexts, err = dictionaryContexts(ctx, home, version.Ref.Manifest); err != nil {
		return err
	}
	return a.print(result, result.rows()...)
}

// buildHome opens the store that a dictionary is built in and says under which name. What goes into a CAR file is built
// aside, beside the file, and leaves no trace in the home.
func (a *app) buildHome(c *cobra.Command, ref dictRef) (s *store.Store, name string, done func(), err error) {
	if ref.car == "" {
		s, err := a.openHome(c, false)
		if err != nil {
			return nil, "", nil, err
		}
		return s, ref.name, func() { s.Close() }, nil
	}
	dir, err := os.MkdirTemp(filepath.Dir(ref.car), partName(ref.car))
	if err != nil {
		return nil, "", nil, outputError(ref.car, err)
	}
	s, err = store.Open(dir, store.Options{Command: c.CommandPath()})
	if err != nil {
		os.RemoveAll(dir)
		return nil, "", nil, err
	}
	done = func() {
		s.Close()
		os.RemoveAll(dir)
	}
	name = "dictionary"
	if _, err := os.Stat(ref.car); err == nil {
		base, err := a.importCAR(c.Context(), s, ref.car)
		if err == nil {
			err = s.SetDictionary(c.Context(), store.Dictionary{Name: name, Current: base})
		}
		if err != nil {
			done()
			return nil, "", nil, err
		}
	}
	return s, name, done, nil
}

// sampleFiles returns the files, or the tree, that a sample stands for and their bytes, -1 if not known.
func sampleFiles(sample string, trees bool) (files []string, size int64, err error) {
	if sample == "-" {
		return []string{"-"}, -1, nil
	}
	st, err := os.Stat(sample)
	if err != nil {
		return nil, 0, inputError(err)
	}
	if st.IsDir() && trees {
		return []string{sample}, -1, nil
	}
	if !st.IsDir() {
		if !st.Mode().IsRegular() {
			return []string{sample}, -1, nil
		}
		return []string{sample}, st.Size(), nil
	}
	err = eachFile(sample, func(path string, d fs.DirEntry) error {
		info, err := d.Info()
		if err != nil {
			return inputError(err)
		}
		files = append(files, path)
		size += info.Size()
		return nil
	})
	return files, size, err
}

// eachFile calls do for each regular file below a directory, in lexical order. No links are followed, but for the directory itself.
func eachFile(dir string, do func(path string, d fs.DirEntry) error) error {
	inside := dir + string(filepath.Separator) // WalkDir takes a link as it is named
	return filepath.WalkDir(inside, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return inputError(err)
		}
		if !d.Type().IsRegular() {
			return nil
		}
		return do(path, d)
	})
}

func (a *app) addSample(ctx context.Context, b *codec.Builder, name string) error {
	in, err := a.openWhole(ctx, name, true)
	if err != nil {
		return err
	}
	defer in.close()
	if err := b.Add(in); err != nil {
		return fmt.Errorf("sample %s: %w", in.name, err)
	}
	return nil
}

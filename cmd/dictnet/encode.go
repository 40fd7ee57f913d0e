package main

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/ipfs/go-cid"
	"github.com/spf13/cobra"

	"dictnet/codec"
	"dictnet/codec/contexts"
	"dictnet/dictnet"
	"dictnet/dictnet/seed"
	"dictnet/dictnet/store"
)

func (a *app) encodeCommand() *cobra.Command {
	var in, dict, out, profile, grammar string
	var noTimes bool
	var seeds, variants, within []string
	var mapFile, under string
	var o codec.EncodeOptions
	var portable portableFlags
	var record recordFlags
	c := &cobra.Command{
		Use:   "encode FILE|DIR -d DICT -o TEMPLATE",
		Short: "Turn a file or a directory into a template",
		Long: `Turn a file into a template against a dictionary whose notes are here; without a dictionary, the template holds
everything. FILE and TEMPLATE may be - for stdin and stdout; a stream is encoded in bounded memory.

Of a file, its bytes are kept, and neither permissions nor times. A directory is packed as it is encoded: names, permissions, times and links, the same bytes for the same directory. decode -C, ls, cat and mount read it.

With --variant, one template holds several variants, each under the name of an expansion context; what they share is stored once. decode --context picks one.

With --contexts, only notes of the dictionary that belong to one of these expansion contexts are used, and nothing else of it will be needed to decode.

With --records, the input is small records, each of which gets a template of its own of some bytes: the lines of FILE, all in one pack; FILE itself; or each file of DIR, as a file
in the directory that -o names. The dictionary is one that build --select repeated made.

With --context, lines of FILE, or texts in it that are lines of the dictionary's samples (build --parallel), become codes, which have a meaning in each context: decode --context plays any.

` + exitHelp,
		Example: `  dictnet encode release-2.tar -d releases -o release-2.dn
  dictnet encode errors.html -d messages --context en -o errors.dn
  dictnet encode clip.mp4 -d media --contexts VIDEO,TEXT -o clip.dn
  dictnet encode site/ -d releases -o site.dn --no-times
  dictnet encode --variant en=manual-en.txt --variant fr=manual-fr.txt -o manual.dn
  dictnet encode --records line access.log -d logs -o access.dnr
  tar c src | dictnet encode - -d releases -o - | ssh host dictnet decode - -o src.tar
  dictnet encode --input F --out T --dict D --chunk-size 4096 --min-pair-freq 3 --verbose`,
		Args: args(0, 1, "one file"),
		RunE: func(c *cobra.Command, args []string) error {
			if out == "" {
				return usageErrorf("-o names it; - is stdout", "no output is named")
			}
			inputs := append([]string{in}, args...)
			for _, v := range variants {
				_, path, _ := strings.Cut(v, "=")
				inputs = append(inputs, path)
			}
			if err := a.outside(out, inputs...); err != nil {
				return err
			}
			if err := a.apart(out, dict, slices.Concat(inputs, []string{mapFile}, seeds)...); err != nil {
				return err
			}
			open := func(ctx context.Context) (*input, error) { return a.openVariants(ctx, variants, mapFile, !noTimes) }
			switch {
			case len(variants) == 0 && mapFile != "":
				return usageErrorf("name them as --variant NAME=PATH", "--contexts-map needs variants")
			case len(variants) == 0:
				name, err := oneName("file", "input", in, args)
				if err != nil {
					return err
				}
				if err := record.check(dict); err != nil {
					return err
				}
				if record.kind != "" {
					if name := typedFlag(c, "context", "contexts", "portable", "proof", "seed", "no-times", "profile", "chunk-size", "grammar", "min-pair-freq"); name != "" {
						return usageErrorf("leave it out", "--%s does not go with --records", name)
					}
					return a.encodeRecords(c, name, dict, out, record)
				}
				open = func(ctx context.Context) (*input, error) { return a.openWhole(ctx, name, !noTimes) }
			case len(args) > 0 || in != "":
				return usageErrorf("name it as --variant NAME=PATH", "a file is named beside variants")
			case record.kind != "":
				return usageErrorf("leave one out", "--records does not go with --variant")
			}
			var err error
			if o.Profile, err = codec.ParseProfile(profile); err != nil {
				return err
			}
			if o.Grammar, err = codec.ParseGrammar(grammar); err != nil {
				return err
			}
			if err := portable.check(dict); err != nil {
				return err
			}
			if under != "" {
				if len(variants) > 0 || len(within) > 0 || portable.list || dict == "" || len(seeds) > 0 {
					return usageErrorf("leave the others out", "--context goes with one file and -d, and not with --variant, --contexts, --portable or --seed")
				}
				name, err := oneName("file", "input", in, args)
				if err != nil {
					return err
				}
				return a.encodeMeaning(c, name, under, dict, out, o)
			}
			if len(within) > 0 && dict == "" {
				return usageErrorf("-d names it", "--contexts says which notes of a dictionary to use, and none is named")
			}
			return a.encode(c, open, dict, within, out, seeds, portable, o)
		},
	}
	f := c.Flags()
	f.StringVarP(&dict, "dict", "d", "", "the dictionary")
	f.StringVarP(&out, "out", "o", "", "the template; - is stdout")
	alias(f, &in, "input", "FILE")
	portable.add(c)
	record.add(c)
	f.BoolVar(&noTimes, "no-times", false, "leave the times out of the tree of a directory")
	f.StringArrayVar(&variants, "variant", nil, "a file or directory, as NAME=PATH, that the expansion context NAME picks; may be given several times")
	f.StringVar(&mapFile, "contexts-map", "", "with variants, what plays if nobody picks a context: a file with a line CONTEXT OFF:LEN for each range")
	f.StringVar(&under, "context", "", "make codes of lines that mean the same in several contexts of the dictionary; FILE is what this context means")
	f.StringSliceVar(&within, "contexts", nil, "use only notes of the dictionary that belong to these expansion contexts, as VIDEO,TEXT")
	f.StringArrayVar(&seeds, "seed", nil, seedHelp)
	f.StringVar(&profile, "profile", codec.ProfileDefault.String(), "how much time for how small a template: fast, default or max")
	f.IntVar(&o.ChunkSize, "chunk-size", 0, fmt.Sprintf("how far apart matches are looked for, on average, in bytes (default %d, without a dictionary %d)", codec.DefaultChunkSize, codec.DefaultAloneChunkSize))
	f.StringVar(&grammar, "grammar", codec.GrammarRePair.String(), "how rules are found: repair (the most frequent pair first) or sequitur (in one pass)")
	f.IntVar(&o.MinPairFreq, "min-pair-freq", codec.DefaultMinPairFreq, "with repair, how often a pair of symbols occurs before it becomes a rule, 2 or more")
	return c
}

type encodeResult struct {
	Template   string `json:"template"`
	Dictionary string `json:"dictionary,omitempty"` // manifest CID

	Contexts []string `json:"contexts,omitempty"` // of the dictionary, that alone were used
	codec.EncodeStats
}

func (a *app) encode(c *cobra.Command, open func(context.Context) (*input, error), dict string, within []string, out string, seeds []string, portable portableFlags, o codec.EncodeOptions) error {
	holdMemory(100, 200<<20)
	ctx := c.Context()
	in, err := open(ctx)
	if err != nil {
		return err
	}
	defer in.close()
	w, err := a.create(ctx, out)
	if err != nil {
		return err
	}
	defer w.abandon()
	var named *dictnet.Tape // of which the notes are listed
	if dict != "" {
		s, err := a.openStoreOf(c, dict)
		if err != nil {
			return err
		}
		defer s.Close()
		tape, done, err := a.openLocal(ctx, s, dict)
		if err != nil {
			return err
		}
		defer done.Close()
		named = tape
		if len(within) > 0 {
			if o.Within, _, err = contextSpans(ctx, tape.Manifest(), within...); err != nil {
				return err
			}
		}
		if ref := tape.Ref(); ref.Size > 0 {
			o.Dictionary, o.Tape = &ref, tape
			if slices.ContainsFunc(seeds, isCAR) {
				return usageErrorf("-d FILE.car reads a dictionary in a file", "encode takes no CAR file as seed")
			}
			files, err := a.openSeeds(seeds)
			if err != nil {
				return err
			}
			if files != nil {
				seeded := seed.NewTape(ctx, tape, files)
				defer seeded.Close()
				o.Tape = seeded
			}
			if o.Index, err = a.tapeIndex(ctx, s, ref, o.Tape); err != nil {
				return err
			}
		}
	}
	bar := a.progress("encode", in.size)
	defer bar.end()
	o.Progress = bar.set
	to := stoppable(ctx, w)
	var dst io.Writer = to
	var template *os.File // the list of its notes, which stands before it, comes of it
	if portable.list {
		if template, err = spool(); err != nil {
			return err
		}
		defer template.Close()
		dst = template
	}
	var src io.Reader
	o.Cuts, src = contexts.BeginsOf(in)
	stats, err := codec.Encode(ctx, dst, src, o)
	if err != nil {
		return w.written(err)
	}
	if template != nil {
		extra, err := portable.writePortable(ctx, to, template, named, o.Tape)
		if err != nil {
			return w.written(err)
		}
		stats.Written += extra
	}
	if err := w.commit(); err != nil {
		return err
	}
	bar.end()
	result := encodeResult{Template: out, Contexts: within, EncodeStats: stats}
	if o.Dictionary != nil {
		result.Dictionary = o.Dictionary.Manifest.String()
	}
	if out == "-" {
		return nil // stdout is the template's
	}
	share := 100.0
	if stats.Read > 0 {
		share = 100 * float64(stats.Written) / float64(stats.Read)
	}
	return a.print(result,
		row{"template", fmt.Sprintf("%s, %.3f %% of %s", bytesText(stats.Written), share, bytesText(stats.Read))},
		row{"from the dictionary", bytesText(stats.Tape)},
		row{"new", bytesText(stats.Fresh)},
		row{"repeated", bytesText(stats.Repeat)},
		row{"plays", fmt.Sprintf("%s spans and local notes", grouped(uint64(stats.Spans)))},
		row{"rules", stats.Rules})
}

// openWhole opens a file, or a directory as a tree.
func (a *app) openWhole(ctx context.Context, name string, times bool) (*input, error) {
	if st, err := os.Stat(name); err == nil && st.IsDir() {
		return a.openTree(ctx, name, times)
	}
	return a.open(ctx, name)
}

// indexPath returns where the index of a version is kept.
func indexPath(s *store.Store, manifest cid.Cid) string {
	return filepath.Join(s.IndexDir(), fmt.Sprintf("%s-%d", manifest, codec.DefaultChunkSize))
}

// tapeIndex opens the index of a dictionary, and makes it first if need be: where the store may not be written to, for this time only.
func (a *app) tapeIndex(ctx context.Context, s *store.Store, ref codec.DictionaryRef, t codec.Tape) (*codec.Index, error) {
	path := indexPath(s, ref.Manifest)
	if x, err := openIndex(path, t.Size()); err == nil {
		return x, nil
	} else if !os.IsNotExist(err) {
		a.log.Warn("make index anew", "path", path, "because", err)
	}
	a.log.Info("make index", "dictionary", ref.Manifest)
	err := os.MkdirAll(s.IndexDir(), 0o777)
	var f *os.File
	if err == nil {
		f, err = os.CreateTemp(s.IndexDir(), "*.part")
	}
	if isAny(err, fs.ErrPermission, syscall.EROFS) {
		a.say("the index is made for this time only: %v", err)
		f, err = os.CreateTemp("", "dictnet-index-*")
		path = ""
	}
	if err != nil {
		return nil, storageError(err)
	}
	defer os.Remove(f.Name()) // an open file goes on being read
	defer f.Close()
	if err := codec.BuildIndex(ctx, t, codec.DefaultChunkSize, f); err != nil {
		return nil, err
	}
	if err := f.Chmod(0o666 &^ umask); err != nil { // others may read the store
		return nil, storageError(err)
	}
	if err := f.Close(); err != nil {
		return nil, storageError(err)
	}
	if path == "" {
		return openIndex(f.Name(), t.Size())
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return nil, storageError(err)
	}
	return openIndex(path, t.Size())
}

// openIndex opens an index file, which stays open until the process ends.
func openIndex(path string, tapeSize uint64) (*codec.Index, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	x, err := codec.OpenIndex(f, st.Size())
	if err == nil && x.TapeSize() != tapeSize {
		err = fmt.Errorf("%w: it is of a tape of %d bytes", codec.ErrIndex, x.TapeSize())
	}
	if err != nil {
		f.Close()
	}
	return x, err
}

func storageError(err error) error {
	return fmt.Errorf("%w: %w", store.ErrStorage, err)
}

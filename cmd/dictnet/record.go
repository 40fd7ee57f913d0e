package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"dictnet/codec"
	"dictnet/codec/records"
	"dictnet/dictnet/store"
)

// recordExt is put behind the name of a file whose template is that of a record.
const recordExt = ".dnr"

// recordFlags say that an input is small records, each with a template of its own.
type recordFlags struct {
	kind string // line or file; "" if it is not
}

func (r *recordFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&r.kind, "records", "", "the input is small records, for a dictionary built with --select repeated: line, each line of FILE is one; file, each file is one")
}

// check reports whether the flags fit each other.
func (r *recordFlags) check(dict string) error {
	switch {
	case r.kind == "":
		return nil
	case r.kind != "line" && r.kind != "file":
		return usageErrorf("line or file", "--records %s is not known", r.kind)
	case dict == "":
		return usageErrorf("-d names a dictionary that was built with --select repeated", "--records needs a dictionary")
	}
	return nil
}

type recordsResult struct {
	Template   string `json:"template"`
	Dictionary string `json:"dictionary"` // manifest CID
	Records    int64  `json:"records"`
	Read       int64  `json:"read"`    // bytes
	Written    int64  `json:"written"` // bytes
}

// encodeRecords makes the template of a file, those of all files of a directory, or a pack of those of a file's lines.
func (a *app) encodeRecords(c *cobra.Command, name, dict, out string, r recordFlags) error {
	ctx := c.Context()
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
	coder, err := openCoder(ctx, tape.Ref(), tape, dict)
	if err != nil {
		return err
	}
	result := recordsResult{Template: out, Dictionary: tape.Ref().Manifest.String()}
	st, err := os.Stat(name)
	switch {
	case r.kind == "line" && err == nil && st.IsDir():
		err = usageErrorf("--records file makes one of each file in it", "%s is a directory", name)
	case r.kind == "line":
		err = a.encodeLines(ctx, coder, name, out, &result)
	case err == nil && st.IsDir() && out == "-":
		err = usageErrorf("-o names a directory for them", "the templates of all files of %s do not go to stdout", name)
	case err == nil && st.IsDir():
		err = eachFile(name, func(path string, _ fs.DirEntry) error {
			rel, err := filepath.Rel(name, path)
			if err != nil {
				return err
			}
			return a.encodeRecord(ctx, coder, path, filepath.Join(out, rel)+recordExt, true, &result)
		})
	default:
		err = a.encodeRecord(ctx, coder, name, out, false, &result)
	}
	if err != nil || out == "-" {
		return err
	}
	share := 100.0
	if result.Read > 0 {
		share = 100 * float64(result.Written) / float64(result.Read)
	}
	return a.print(result,
		row{"templates", fmt.Sprintf("%s, %.1f %% of %s", bytesText(result.Written), share, bytesText(result.Read))},
		row{"records", grouped(uint64(result.Records))})
}

// openCoder opens a dictionary for records.
func openCoder(ctx context.Context, ref codec.DictionaryRef, tape codec.Tape, dict string) (*records.Coder, error) {
	coder, err := records.Open(ctx, ref.Root, tape)
	if errors.Is(err, records.ErrNoModel) {
		return nil, &hinted{fmt.Errorf("dictionary %s: %w", dict, err), exitUsage, "dictnet build --select repeated makes one for records"}
	}
	return coder, err
}

// writeWhole puts a file under its name when it is complete; with parents, it makes its directories.
func (a *app) writeWhole(ctx context.Context, name string, parents bool, b []byte) error {
	if parents {
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			return outputError(name, err)
		}
	}
	w, err := a.create(ctx, name)
	if err != nil {
		return err
	}
	defer w.abandon()
	if _, err := w.Write(b); err != nil {
		return w.failed(err)
	}
	return w.commit()
}

// readRecord reads an input of which one byte more than a record has is too much.
func readRecord(in *input, most int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(in, most+1))
	if err != nil {
		return nil, inputError(err)
	}
	return b, nil
}

func (a *app) encodeRecord(ctx context.Context, coder *records.Coder, name, out string, parents bool, result *recordsResult) error {
	in, err := a.open(ctx, name)
	if err != nil {
		return err
	}
	defer in.close()
	b, err := readRecord(in, records.MaxRecord)
	if err != nil {
		return err
	}
	template, err := coder.AppendEncode(nil, b)
	if err != nil {
		return recordTooLong(fmt.Errorf("%s: %w", in.name, err))
	}
	result.Records++
	result.Read += int64(len(b))
	result.Written += int64(len(template))
	return a.writeWhole(ctx, out, parents, template)
}

func recordTooLong(err error) error {
	if errors.Is(err, records.ErrTooLong) {
		return &hinted{err, exitUsage, "without --records, encode takes files of any size"}
	}
	return err
}

// packBatch is how many records are coded at once, and packBytes how many bytes of them, about.
const (
	packBatch = 4096
	packBytes = 8 << 20
)

func (a *app) encodeLines(ctx context.Context, coder *records.Coder, name, out string, result *recordsResult) error {
	in, err := a.open(ctx, name)
	if err != nil {
		return err
	}
	defer in.close()
	w, err := a.create(ctx, out)
	if err != nil {
		return err
	}
	defer w.abandon()
	bar := a.progress("encode", in.size)
	defer bar.end()
	counting := stoppable(ctx, w)
	dst := bufio.NewWriterSize(counting, 64<<10)
	io.WriteString(dst, records.PackMagic) // bufio keeps an error until Flush
	lines := records.NewLines(in)
	var plain, packed records.Batch
	var n [binary.MaxVarintLen64]byte
	for end := false; !end; {
		if err := ctx.Err(); err != nil {
			return err
		}
		plain.Reset()
		for plain.Len() < packBatch && len(plain.Data) < packBytes {
			line, err := lines.Next()
			if err == io.EOF {
				end = true
				break
			}
			if err != nil {
				return recordTooLong(fmt.Errorf("%s: %w", in.name, err))
			}
			plain.Append(line)
		}
		if err := coder.EncodeBatch(&packed, &plain); err != nil {
			return err
		}
		for i := range packed.Len() {
			dst.Write(n[:binary.PutUvarint(n[:], uint64(len(packed.At(i))))])
			dst.Write(packed.At(i))
		}
		if err := dst.Flush(); err != nil {
			return w.written(err)
		}
		result.Records += int64(plain.Len())
		result.Read += int64(len(plain.Data))
		bar.set(result.Read)
	}
	dst.WriteByte(0)
	dst.Write(n[:binary.PutUvarint(n[:], uint64(result.Records))])
	if err := dst.Flush(); err != nil {
		return w.written(err)
	}
	result.Written = counting.done
	return w.commit()
}

// holdsRecords reports whether an input is the template of a record, or a pack of them. It takes nothing of it.
func holdsRecords(in *input) bool {
	if in.file != nil && in.size >= 0 {
		return in.template().HoldsRecords()
	}
	src := bufio.NewReaderSize(in.Reader, 64<<10)
	in.Reader = src
	head, _ := src.Peek(len(records.PackMagic))
	return in.head.Bytes == 0 && records.Holds(head)
}

// packError says of which file an error of reading a stream of records, or of a template, is.
func packError(name string, err error) error {
	if !errors.Is(err, codec.ErrTemplate) && !errors.As(err, new(*hinted)) { // which a server's is
		return inputError(err)
	}
	return fmt.Errorf("template %s: %w", name, err)
}

type decodeRecordsResult struct {
	Out      string `json:"out"`
	Records  int64  `json:"records"`
	Bytes    int64  `json:"bytes"`
	Manifest string `json:"manifest,omitempty"`
	Root     string `json:"root,omitempty"`
	Trust    string `json:"trust,omitempty"`
}

// decodeRecords plays records back: all of them, one after another, or the one that is asked for, the first being 1.
func (a *app) decodeRecords(c *cobra.Command, in *input, out, dict string, only int64, f *readerFlags) error {
	ctx := c.Context()
	p := records.NewPackReader(in)
	if !p.Pack() && only > 1 {
		return usageErrorf("it is one record", "there is no record %d in %s", only, in.name)
	}
	w, err := a.create(ctx, out)
	if err != nil {
		return err
	}
	defer w.abandon()
	opener := templateDictionary{app: a, command: c, dict: dict, flags: f}
	defer opener.Close()
	dst := stoppable(ctx, w)
	result := decodeRecordsResult{Out: out}
	var coder *records.Coder
	var packed, plain records.Batch
	for end := false; !end; {
		packed.Reset()
		size := 0 // of its records, or of templates that are longer than that
		first := p.Count()
		for packed.Len() < packBatch && size < packBytes && !end {
			template, err := p.Next()
			if err == io.EOF {
				if end = true; only > p.Count() {
					return usageErrorf("they are counted from 1", "there is no record %d in %s, which has %d", only, in.name, p.Count())
				}
				break
			}
			if err != nil {
				return packError(in.name, err)
			}
			if only > 0 && p.Count() < only {
				first = p.Count()
				continue
			}
			h, _ := records.ParseHead(template) // what is wrong with it, decoding says
			size += max(h.Len, len(template))
			packed.Append(template)
			end = only > 0
		}
		if packed.Len() == 0 {
			break
		}
		if coder == nil {
			h, err := records.ParseHead(packed.At(0))
			if err != nil {
				return fmt.Errorf("template %s: record %d: %w", in.name, first+1, err)
			}
			if coder, err = a.recordCoder(ctx, &opener, h.Root); err != nil {
				return err
			}
		}
		if err := coder.DecodeBatch(&plain, &packed); err != nil {
			var which *records.BatchError
			if errors.As(err, &which) {
				err = fmt.Errorf("record %d: %w", first+1+int64(which.Index), which.Err)
			}
			return fmt.Errorf("template %s: %w", in.name, err)
		}
		if _, err := dst.Write(plain.Data); err != nil {
			return w.written(err)
		}
		result.Records += int64(plain.Len())
	}
	if err := w.commit(); err != nil {
		return err
	}
	result.Bytes = dst.done
	if opener.reader != nil {
		result.Manifest, result.Root, result.Trust = opener.ref.Manifest.String(), opener.root(), opener.reader.trust
	}
	if out == "-" {
		return nil
	}
	return a.print(result,
		row{"file", fmt.Sprintf("%s, %s", out, bytesText(result.Bytes))},
		row{"records", grouped(uint64(result.Records))},
		row{"dictionary", result.Manifest},
		row{"trust", cmp.Or(result.Trust, "none was needed")})
}

// recordCoder opens the version whose root begins with four bytes: one that is here under some name or the one that -d says, or what
// -d says elsewhere.
func (a *app) recordCoder(ctx context.Context, d *templateDictionary, root [4]byte) (*records.Coder, error) {
	ref, err := a.recordVersion(ctx, d, root)
	if err != nil {
		return nil, err
	}
	tape, err := d.open(ctx, ref.Name())
	if err != nil {
		return nil, err
	}
	return openCoder(ctx, ref, tape, cmp.Or(d.dict, ref.Manifest.String()))
}

func (a *app) recordVersion(ctx context.Context, d *templateDictionary, root [4]byte) (codec.DictionaryRef, error) {
	if err := a.checkHomeFor(d.dict, d.flags); err != nil {
		return codec.DictionaryRef{}, err
	}
	s, err := a.openHome(d.command, true)
	if err != nil {
		return codec.DictionaryRef{}, err
	}
	defer s.Close()
	all, err := s.Dictionaries() // with those that are good, if some are damaged
	for _, dict := range all {
		if ref, ok := rootedVersion(dict, root); ok && (d.dict == "" || d.dict == dict.Name) {
			return ref, nil
		}
	}
	if err != nil {
		return codec.DictionaryRef{}, err
	}
	if d.dict == "" {
		return codec.DictionaryRef{}, &hinted{fmt.Errorf("no dictionary here has a version whose root begins with %x", root), exitUnavailable, "-d says where it is; dictnet pull brings one"}
	}
	r, err := a.openReader(ctx, s, d.dict, codec.DictionaryName{}, d.flags)
	if err != nil {
		return codec.DictionaryRef{}, err
	}
	defer r.Close()
	ref, err := r.version(ctx)
	if err == nil && [4]byte(ref.Root[:4]) != root {
		err = &hinted{fmt.Errorf("dictionary %s: %w", d.dict, &records.DictionaryError{Want: root, Have: [4]byte(ref.Root[:4])}), exitRefused, "name the dictionary that it was encoded with"}
	}
	return ref, err
}

// rootedVersion returns the newest version of a dictionary whose root begins so.
func rootedVersion(d store.Dictionary, root [4]byte) (codec.DictionaryRef, bool) {
	if [4]byte(d.Current.Root[:4]) == root {
		return d.Current, true
	}
	for i := len(d.Lineage) - 1; i >= 0; i-- {
		if [4]byte(d.Lineage[i].Root[:4]) == root {
			return d.Lineage[i], true
		}
	}
	return codec.DictionaryRef{}, false
}

// inspectRecords shows the template of a record, or a pack.
func (a *app) inspectRecords(in *input) error {
	info, err := records.Inspect(in)
	if err != nil {
		return packError(in.name, err)
	}
	rows := []row{
		{"records", fmt.Sprintf("%s, %d of them as they are", grouped(uint64(info.Records)), info.Raw)},
		{"record bytes", bytesText(info.Bytes)},
		{"template", bytesText(info.Size)}}
	if info.Pack > 0 {
		rows = append(rows, row{"  records", bytesText(info.Templates)}, row{"  lengths and end", bytesText(info.Pack)})
	}
	return a.print(info, append(rows, row{"root begins with", strings.Join(info.Roots, " ")})...)
}

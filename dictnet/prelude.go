package dictnet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/ipfs/go-cid"

	"dictnet/codec"
	"dictnet/dictnet/manifest"
)

// Prelude is what a Session or a Member may offer besides: by one request, all that has to be known before spans of a tape can be
// played, and the first of the notes. Asked for block by block it takes a round trip for each level of the manifest.
type Prelude interface {
	// FetchPrelude asks for what [Play] sends, and calls got for each block that arrives, in any order, unverified, one at a time; the name
	// is made from the bytes, or is the one that the sender gave. It returns when no more will come. An error says that the source cannot be
	// asked any more; that it does not offer preludes, or sends but a part, is none.
	FetchPrelude(ctx context.Context, name cid.Cid, spans []codec.Span, got func(c cid.Cid, data []byte)) error
}

const (
	// PreludeSpans is how many spans a prelude is asked for at most.
	PreludeSpans = 64
	// PreludeBytes is how many bytes of blocks a prelude has; the block that reaches it is sent whole.
	PreludeBytes = 1 << 20
	// PreludeBlocks is how many blocks it has at most.
	PreludeBlocks = 1024
)

var errPreludeEnds = errors.New("the prelude is long enough")

// Play sends what leads to spans of the version that a manifest names: the manifest, then for each span, in the order given, the branches and pages on the way and
// the notes, each block once and parents first, up to PreludeBytes and PreludeBlocks. An error says that a block is not to be had or is none of a manifest; what
// was sent before is right.
func Play(ctx context.Context, get manifest.Getter, name cid.Cid, spans []codec.Span, send func(c cid.Cid, data []byte) error) error {
	p := &preludeSender{get: get, send: send, sent: make(map[cid.Cid]bool)}
	err := p.play(ctx, name, spans)
	if errors.Is(err, errPreludeEnds) {
		return nil
	}
	return err
}

type preludeSender struct {
	get   manifest.Getter
	send  func(cid.Cid, []byte) error
	sent  map[cid.Cid]bool
	bytes int
}

// Get sends what the manifest reads on the way.
func (p *preludeSender) Get(ctx context.Context, c cid.Cid) ([]byte, error) {
	if p.bytes >= PreludeBytes || len(p.sent) >= PreludeBlocks {
		return nil, errPreludeEnds
	}
	data, err := p.get.Get(ctx, c)
	if err == nil && !p.sent[c] {
		p.sent[c] = true
		p.bytes += len(data)
		err = p.send(c, data)
	}
	return data, err
}

func (p *preludeSender) play(ctx context.Context, name cid.Cid, spans []codec.Span) error {
	m, err := manifest.Open(ctx, p, name)
	if err != nil {
		return err
	}
	for wanted := spans; len(wanted) > 0; {
		s := wanted[0]
		wanted = wanted[1:]
		if s.Pos > m.TapeSize() || s.Len > m.TapeSize()-s.Pos {
			continue // of another version
		}
		for n, err := range manifest.NotesOf(ctx, []codec.Span{s}, m.Locate) {
			if err != nil {
				return err
			}
			if p.sent[n.CID] {
				continue
			}
			block, err := p.Get(ctx, n.CID)
			if err != nil {
				return err
			}
			behind, err := codec.References(block, n.Start)
			if err != nil {
				return err
			}
			if len(behind) > 0 { // it cannot be opened without these
				next := n.Start + uint64(n.RawLen)
				wanted = slices.Concat(behind, []codec.Span{{Pos: next, Len: s.Pos + s.Len - next}}, wanted)
				break
			}
		}
	}
	return nil
}

// FormatSpans writes spans as POSITION:LENGTH, in bytes of the tape, with commas between, as they stand in a URL.
func FormatSpans(spans []codec.Span) string {
	var b []byte
	for i, s := range spans {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendUint(b, s.Pos, 10)
		b = strconv.AppendUint(append(b, ':'), s.Len, 10)
	}
	return string(b)
}

// ParseSpans reads what FormatSpans writes: up to PreludeSpans spans of one byte or more.
func ParseSpans(text string) ([]codec.Span, error) {
	var spans []codec.Span
	for part := range strings.SplitSeq(text, ",") {
		pos, length, _ := strings.Cut(part, ":")
		var s codec.Span
		var err, err2 error
		s.Pos, err = strconv.ParseUint(pos, 10, 63)
		s.Len, err2 = strconv.ParseUint(length, 10, 63)
		if err != nil || err2 != nil || s.Len == 0 || len(spans) == PreludeSpans {
			return nil, fmt.Errorf("want up to %d spans as POSITION:LENGTH, with commas between", PreludeSpans)
		}
		spans = append(spans, s)
	}
	return spans, nil
}

// FirstSpans returns which spans of its dictionary a template asks for first, in playing order, as far as the beginning of the template tells: the
// head of its first frame must be in it. Whatever is wrong with it is for the decoder to say.
func FirstSpans(ctx context.Context, beginning []byte) []codec.Span {
	tape := new(spanRecorder)
	d, err := codec.NewDecoder(ctx, bytes.NewReader(beginning), func(context.Context, codec.DictionaryName) (codec.Tape, error) { return tape, nil })
	if err != nil {
		return nil
	}
	defer d.Close()
	d.Read(make([]byte, 1)) // which fails at the latest when it wants a note
	return tape.spans
}

// FirstSpansAt is FirstSpans for n bytes of the file from off on, of a template that is all there.
func FirstSpansAt(ctx context.Context, template io.ReaderAt, size, off, n int64) []codec.Span {
	tape := new(spanRecorder)
	r, err := codec.NewReaderAt(ctx, template, size, func(context.Context, codec.DictionaryName) (codec.Tape, error) { return tape, nil })
	if err != nil || off >= r.Size() {
		return nil
	}
	r.Prefetch(off, min(n, r.Size()-off, 1<<20))
	return tape.spans
}

// spanRecorder is a tape without notes that takes down what is asked of it first.
type spanRecorder struct{ spans []codec.Span }

var errNoNotes = errors.New("only the spans are looked for")

func (r *spanRecorder) Size() uint64 { return math.MaxInt64 }

func (r *spanRecorder) NoteAt(context.Context, uint64) (uint64, []byte, error) {
	return 0, nil, errNoNotes
}

func (r *spanRecorder) Prefetch(_ context.Context, spans []codec.Span) {
	room := PreludeSpans - len(r.spans)
	r.spans = append(r.spans, spans[:min(room, len(spans))]...)
}

// Expect says which spans will be played first, of whatever version is opened next. Then what leads to them is asked for together with the
// version, where a source offers this.
func (c *Client) Expect(spans []codec.Span) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.expected = spans[:min(len(spans), PreludeSpans)]
}

// lead is what goes with the wish for a block: the block is on the way to the spans.
type lead struct {
	manifest cid.Cid
	spans    []codec.Span
}

// leadingGetter is a manifest.Getter that asks for all that is on the way when the first block of it is not here.
type leadingGetter struct {
	*Client
	lead *lead
	once sync.Once
}

func (g *leadingGetter) Get(ctx context.Context, name cid.Cid) ([]byte, error) {
	data, damaged, err := g.fetch.local(ctx, name)
	if data != nil || err != nil {
		return data, err
	}
	w := &want{what: "block", c: name, replace: damaged}
	g.once.Do(func() { w.lead = g.lead })
	data, err = g.fetch.fetch(ctx, w)
	return data, noteDamage(err, damaged)
}

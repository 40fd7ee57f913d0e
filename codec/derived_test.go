package codec

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

// smallNote is how long the notes of a history are, in bytes, at most.
const smallNote = 20 << 10

// history promotes versions of a file, each encoded against those before, and returns the dictionary, and the files with their templates.
func history(t testing.TB, profile Profile, size, versions int) (*dictionary, [][]byte, [][]byte) {
	t.Helper()
	return historyWith(t, profile, size, versions, func(p *Promoter) { p.notes.most = smallNote })
}

// historyWith is history with promoters that set has changed.
func historyWith(t testing.TB, profile Profile, size, versions int, set func(*Promoter)) (*dictionary, [][]byte, [][]byte) {
	t.Helper()
	file := text(size, 3)
	var d *dictionary
	var files, templates [][]byte
	for i := range versions {
		if i > 0 {
			file = edit(file, 9000, uint64(i))
		}
		next, moved, _ := promoteWith(t, d, profile, set, encodeProfile(t, d, file, profile).template)
		d = next
		files, templates = append(files, file), append(templates, moved[0])
	}
	return d, files, templates
}

// depths returns how deep the notes of a tape are.
func (t *memTape) depths(tb testing.TB) []int {
	var depths []int
	for _, start := range t.starts {
		n, err := t.Depth(tb.Context(), start)
		if err != nil {
			tb.Fatal(err)
		}
		depths = append(depths, n)
	}
	return depths
}

func TestDerivedNotes(t *testing.T) {
	const size = 80 << 10
	for _, profile := range []Profile{ProfileDefault, ProfileMax} {
		d, files, templates := history(t, profile, size, 3)
		for i, b := range templates {
			got, err := decodeWhole(t.Context(), b, func(context.Context, DictionaryName) (Tape, error) {
				return prefix{d.tape, templateTape(t, d, b)}, nil
			})
			if err != nil || !bytes.Equal(got, files[i]) {
				t.Fatalf("%s: version %d comes back as %d bytes of %d: %v", profile, i, len(got), len(files[i]), err)
			}
		}
		depths := d.tape.depths(t)
		if slices.Max(depths) < 3 {
			t.Errorf("%s: no note is derived from derived ones: %v", profile, depths)
		}
		var fast int
		plain, _, _ := history(t, ProfileFast, size, 3)
		for _, b := range plain.tape.blocks {
			fast += len(b.Data)
		}
		if slices.Max(plain.tape.depths(t)) != 0 {
			t.Error("fast: notes are derived")
		}
		var derived int
		for _, b := range d.tape.blocks {
			derived += len(b.Data)
		}
		if derived >= fast {
			t.Errorf("%s: derived notes take %d bytes, plain ones %d", profile, derived, fast)
		}
	}
}

// prefix is the beginning of a tape.
type prefix struct {
	*memTape
	size uint64
}

func (p prefix) Size() uint64 { return p.size }

// templateTape returns the length of the tape that a template was made against.
func templateTape(t testing.TB, d *dictionary, template []byte) uint64 {
	ref, _, _, err := parseHeader(inFull(t, template))
	if err != nil {
		t.Fatal(err)
	}
	var size uint64
	for _, b := range d.tape.blocks[:ref.Size] {
		size += uint64(b.RawLen)
	}
	return size
}

// The same bytes come out on one core and on many.
func TestDerivedNotesAreDeterministic(t *testing.T) {
	d, _, _ := history(t, ProfileDefault, 50<<10, 2)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	one, _, _ := history(t, ProfileDefault, 50<<10, 2)
	if !slices.EqualFunc(d.tape.blocks, one.tape.blocks, func(a, b Block) bool { return a.CID.Equals(b.CID) }) {
		t.Error("one core makes other notes")
	}
}

// Notes are opened in any order, by many readers at once, each derived one once.
func TestDeriver(t *testing.T) {
	d, _, _ := history(t, ProfileDefault, 80<<10, 3)
	var want []byte
	for pos := uint64(0); pos < d.tape.size; {
		_, raw, err := d.tape.NoteAt(t.Context(), pos)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, raw...)
		pos += uint64(len(raw))
	}
	var mu sync.Mutex
	var prefetched uint64
	r := NewDeriver(d.tape.note, func(_ context.Context, spans []Span) {
		mu.Lock()
		defer mu.Unlock()
		for _, s := range spans {
			prefetched += s.Len
		}
	})
	var readers sync.WaitGroup
	for i := range 4 {
		readers.Go(func() {
			for k := range d.tape.starts {
				if i%2 == 1 {
					k = len(d.tape.starts) - 1 - k
				}
				start, raw, err := r.NoteAt(t.Context(), d.tape.starts[k])
				if err != nil || start != d.tape.starts[k] || !bytes.Equal(raw, want[start:start+uint64(d.tape.blocks[k].RawLen)]) {
					t.Errorf("reader %d: note %d comes as %d bytes at %d: %v", i, k, len(raw), start, err)
				}
			}
		})
	}
	readers.Wait()
	if len(r.kept.runs) == 0 || len(r.kept.runs) > len(d.tape.blocks) || prefetched == 0 {
		t.Errorf("%d notes are kept, %d bytes were asked for", len(r.kept.runs), prefetched)
	}
}

// No note takes more others than a reader opens for its sake, in whatever version they were made, nor is one too deep.
func TestDerivedNotesAreBounded(t *testing.T) {
	for _, most := range []int{1, 3, 7} {
		d, _, _ := historyWith(t, ProfileDefault, 80<<10, 4, func(p *Promoter) { p.notes.most, p.notes.opened = 5<<10, most })
		for i, start := range d.tape.starts {
			left := most
			if _, _, err := NewDeriver(d.tape.note, nil).at(t.Context(), start, maxDerivedDepth+1, &left); err != nil {
				t.Fatalf("at most %d: note %d: %v", most, i, err)
			}
		}
		if depths := d.tape.depths(t); slices.Max(depths) == 0 {
			t.Errorf("at most %d: no note is derived", most)
		}
	}
}

// What a derived note is coded against cannot be had: the error is that of whoever has not got it.
func TestDeriverWithoutReference(t *testing.T) {
	d, _, _ := history(t, ProfileDefault, 50<<10, 2)
	last := d.tape.starts[0]
	for i, depth := range d.tape.depths(t) {
		if depth > 0 {
			last = d.tape.starts[i]
		}
	}
	missing := errors.New("nobody has it")
	r := NewDeriver(func(ctx context.Context, pos uint64) (uint64, Note, error) {
		if pos < last {
			return 0, Note{}, missing
		}
		return d.tape.note(ctx, pos)
	}, nil)
	for range 2 {
		if _, raw, err := r.NoteAt(t.Context(), last); !errors.Is(err, missing) || raw != nil {
			t.Errorf("%d bytes, %v", len(raw), err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := NewDeriver(func(ctx context.Context, pos uint64) (uint64, Note, error) {
		if err := ctx.Err(); err != nil && pos < last {
			return 0, Note{}, err
		}
		return d.tape.note(ctx, pos)
	}, nil).NoteAt(ctx, last); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// forgedNote is a derived note in its parts.
type forgedNote struct {
	rawLen, depth, coding, back uint64
	runs                        []uint64 // as they are written, with their number
	data                        []byte
}

func (f forgedNote) block(t testing.TB) Block {
	b := []byte(derivedMagic)
	for _, v := range append([]uint64{f.rawLen, f.depth, f.coding, f.back}, f.runs...) {
		b = binary.AppendUvarint(b, v)
	}
	b = append(b, f.data...)
	c, err := NoteCID(b)
	if err != nil {
		t.Fatal(err)
	}
	return Block{CID: c, Data: b, RawLen: int(f.rawLen)}
}

func TestCheckNoteRefuses(t *testing.T) {
	good := forgedNote{rawLen: 1000, depth: 1, coding: 3, runs: []uint64{1, 10, 20, 0, 0, 0}}
	for name, c := range map[string]struct {
		change func(*forgedNote)
		want   string
	}{
		"good":         {func(*forgedNote) {}, ""},
		"empty":        {func(f *forgedNote) { f.rawLen = 0 }, "raw length is 0"},
		"large":        {func(f *forgedNote) { f.rawLen = MaxNote + 1 }, "raw length"},
		"flat":         {func(f *forgedNote) { f.depth = 0 }, "depth is 0"},
		"deep":         {func(f *forgedNote) { f.depth = 64 }, "depth is 64"},
		"stored":       {func(f *forgedNote) { f.coding = 0 }, "coding is 0"},
		"coding 5":     {func(f *forgedNote) { f.coding = 5 }, "coding is 5"},
		"back":         {func(f *forgedNote) { f.back = 1<<22 + 1 }, "bytes before the note"},
		"many runs":    {func(f *forgedNote) { f.runs[0] = 1001 }, "number of runs"},
		"runs cut":     {func(f *forgedNote) { f.runs[0] = 2 }, "cut short"},
		"gap":          {func(f *forgedNote) { f.runs[1] = 1001 }, "bytes between runs"},
		"long run":     {func(f *forgedNote) { f.runs[2] = 991 }, "length of a run"},
		"run at end":   {func(f *forgedNote) { f.runs[1], f.runs[2] = 1000, 1 }, "beyond the note"},
		"empty run":    {func(f *forgedNote) { f.runs[2] = 0 }, "length of a run is 0"},
		"before tape":  {func(f *forgedNote) { f.runs[3] = zigzag(-11) }, "beyond the note or the tape"},
		"before file":  {func(f *forgedNote) { f.runs[4] = zigzag(-11) }, "beyond the note or the tape"},
		"ends before":  {func(f *forgedNote) { f.runs[5] = 1 + zigzag(-31) }, "beyond the note or the tape"},
		"far beyond":   {func(f *forgedNote) { f.runs[5] = 1<<32 + 1 }, "end of what a run replaces"},
		"no reference": {func(f *forgedNote) { f.runs = []uint64{0} }, ""},
	} {
		f := good
		f.runs = slices.Clone(f.runs)
		c.change(&f)
		b := f.block(t)
		_, err := CheckNote(b.CID, b.Data)
		if c.want == "" && err != nil || c.want != "" && (!errors.Is(err, ErrNote) || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if _, err := OpenNote(b.CID, b.Data); c.want == "" && !errors.Is(err, ErrDerived) {
			t.Errorf("%s: opened by itself: %v", name, err)
		}
		if _, err := CheckNote(good.block(t).CID, append(b.Data, 0)); !errors.Is(err, ErrNote) {
			t.Errorf("%s: another name: %v", name, err)
		}
	}
}

// Depth keeps a dictionary from making one note cost all others, and from going round in circles.
func TestDeriverBounds(t *testing.T) {
	first, err := SealNote(text(1000, 1))
	if err != nil {
		t.Fatal(err)
	}
	tape := new(memTape)
	tape.add(first)
	for depth := range uint64(5) {
		tape.add(forgedNote{rawLen: 1000, depth: 5 - min(depth, 3), coding: 3, back: 1000, runs: []uint64{0}}.block(t))
	}
	if _, _, err := tape.NoteAt(t.Context(), tape.size-1); !errors.Is(err, ErrNote) || !strings.Contains(err.Error(), "depth") {
		t.Errorf("a note coded against one as deep: %v", err)
	}
	if _, _, err := tape.NoteAt(t.Context(), tape.size); err == nil {
		t.Error("a byte beyond the tape is there")
	}
	for _, read := range [][]int{{2}, {1, 2}} { // also of what has been opened by itself before
		raw, tape := text(1000, 1), new(memTape)
		data, err := packAligned(t.Context(), raw, counterpart{raw, &reference{}})
		if err != nil {
			t.Fatal(err)
		}
		tape.add(first)
		for range 2 {
			tape.add(forgedNote{rawLen: 1000, depth: 2, coding: 3, back: 1000, runs: []uint64{0}, data: data}.block(t))
		}
		for i, k := range read {
			_, got, err := tape.NoteAt(t.Context(), tape.starts[k])
			if last := i == len(read)-1; !last && (err != nil || !bytes.Equal(got, raw)) || last && (!errors.Is(err, ErrNote) || !strings.Contains(err.Error(), "depth 2")) {
				t.Errorf("notes %v: the %dth: %d bytes, %v", read, k, len(got), err)
			}
		}
	}
	left := 0
	if _, _, err := NewDeriver(tape.note, nil).at(t.Context(), 1000, 9, &left); !errors.Is(err, ErrNote) || !strings.Contains(err.Error(), "more than") {
		t.Errorf("nothing left to spend: %v", err)
	}
}

// waits is a context that says when somebody waits for its end, among other things.
type waits struct {
	context.Context
	said func()
}

func (w waits) Done() <-chan struct{} { w.said(); return w.Context.Done() }

// Who waits for a note that another is opening does not give up because the other had nothing left to spend.
func TestDeriverWaits(t *testing.T) {
	raw, tape := text(1000, 1), new(memTape)
	first, err := SealNote(raw)
	if err != nil {
		t.Fatal(err)
	}
	data, err := packAligned(t.Context(), raw, counterpart{raw, &reference{}})
	if err != nil {
		t.Fatal(err)
	}
	tape.add(first)
	for depth := range uint64(2) {
		tape.add(forgedNote{rawLen: 1000, depth: depth + 1, coding: 3, back: 1000, runs: []uint64{0}, data: data}.block(t))
	}
	begun, waiting := make(chan struct{}), make(chan struct{})
	begin, wait := sync.OnceFunc(func() { close(begun) }), sync.OnceFunc(func() { close(waiting) })
	d := NewDeriver(func(ctx context.Context, pos uint64) (uint64, Note, error) {
		if pos < tape.starts[2] { // somebody is opening the last note
			begin()
			<-waiting
		}
		return tape.note(ctx, pos)
	}, nil)
	spent := make(chan error)
	go func() {
		left := 1
		_, _, err := d.at(t.Context(), tape.starts[2], 9, &left)
		spent <- err
	}()
	<-begun
	left := 2
	_, got, err := d.at(waits{t.Context(), wait}, tape.starts[2], 9, &left)
	if err != nil || !bytes.Equal(got, raw) {
		t.Errorf("who waited got %d bytes, %v", len(got), err)
	}
	if err := <-spent; !errors.Is(err, ErrNote) || !strings.Contains(err.Error(), "more than") {
		t.Errorf("who could open one note opened two: %v", err)
	}
}

// FuzzDerived opens what may be a derived note on a tape.
func FuzzDerived(f *testing.F) {
	d, _, _ := history(f, ProfileDefault, 30<<10, 2)
	mixed, _, _ := history(f, ProfileMax, 30<<10, 2)
	for _, d := range []*dictionary{d, mixed} {
		for _, b := range d.tape.blocks[len(d.tape.blocks)-2:] {
			f.Add(b.Data)
		}
	}
	f.Add(forgedNote{rawLen: 1000, depth: 1, coding: 3, back: 1000, runs: []uint64{0}}.block(f).Data)
	f.Add(forgedNote{rawLen: 100000, depth: 63, coding: 4, back: 1 << 22, runs: []uint64{1, 10, 20, 2000, 0, 41}, data: []byte{1, 0, 0}}.block(f).Data)
	f.Fuzz(func(t *testing.T, block []byte) {
		c, err := NoteCID(block)
		if err != nil {
			t.Fatal(err)
		}
		n, err := CheckNote(c, block)
		if err != nil {
			if !errors.Is(err, ErrNote) {
				t.Fatal(err)
			}
			return
		}
		tape := mixed.tape.clone()
		start := tape.size
		tape.add(Block{CID: c, Data: block, RawLen: n.RawLen()})
		spans, err := References(block, start)
		if err != nil {
			t.Fatal(err)
		}
		var end, sum uint64
		for _, s := range spans {
			if s.Pos < end || s.Len == 0 || s.Pos+s.Len > start {
				t.Fatalf("a note at %d is coded against %v", start, spans)
			}
			end, sum = s.Pos+s.Len, sum+s.Len
		}
		if sum > 8<<20 {
			t.Fatalf("%d bytes of reference", sum)
		}
		if _, raw, err := tape.NoteAt(t.Context(), start); err == nil && len(raw) != n.RawLen() {
			t.Fatalf("%d bytes, stated %d", len(raw), n.RawLen())
		} else if err != nil && !errors.Is(err, ErrNote) {
			t.Fatal(err)
		}
	})
}

package codec

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/ipfs/go-cid"
	"github.com/multiformats/go-multihash"

	"dictnet/merkle"
)

// promote moves the local notes of templates into a dictionary, and returns the new version and the new templates.
func promote(t testing.TB, d *dictionary, templates ...[]byte) (*dictionary, [][]byte, PromoteStats) {
	t.Helper()
	return promoteAs(t, d, ProfileDefault, templates...)
}

func promoteAs(t testing.TB, d *dictionary, profile Profile, templates ...[]byte) (*dictionary, [][]byte, PromoteStats) {
	t.Helper()
	return promoteInNotes(t, d, profile, MaxNote, templates...)
}

// promoteInNotes is promoteAs with notes of at most so many bytes.
func promoteInNotes(t testing.TB, d *dictionary, profile Profile, most int, templates ...[]byte) (*dictionary, [][]byte, PromoteStats) {
	t.Helper()
	return promoteWith(t, d, profile, func(p *Promoter) { p.notes.most = most }, templates...)
}

// promoteWith is promoteAs with a promoter that set has changed.
func promoteWith(t testing.TB, d *dictionary, profile Profile, set func(*Promoter), templates ...[]byte) (*dictionary, [][]byte, PromoteStats) {
	t.Helper()
	next := &dictionary{tape: new(memTape)}
	var base Tape
	if d != nil && d.tape.size > 0 {
		next.tape = d.tape.clone()
		base = locatingTape{d.tape}
	}
	p := NewPromoter(t.Context(), base, profile, next.tape.add)
	set(p)
	var readers []*Reader
	for _, b := range templates {
		r := openTemplate(t, d, b)
		if err := p.Add(r); err != nil {
			t.Fatal(err)
		}
		readers = append(readers, r)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	next.finish(t)
	var out [][]byte
	for _, r := range readers {
		var b bytes.Buffer
		if err := p.Write(&b, r, next.ref); err != nil {
			t.Fatal(err)
		}
		out = append(out, b.Bytes())
	}
	return next, out, p.Stats()
}

// finish names a dictionary after its notes and makes its index.
func (d *dictionary) finish(t testing.TB) {
	t.Helper()
	var ix bytes.Buffer
	if err := BuildIndex(t.Context(), d.tape, DefaultChunkSize, &ix); err != nil {
		t.Fatal(err)
	}
	var err error
	if d.index, err = OpenIndex(bytes.NewReader(ix.Bytes()), int64(ix.Len())); err != nil {
		t.Fatal(err)
	}
	var tree merkle.Tree
	for _, b := range d.tape.blocks {
		tree.Append(merkle.LeafHash(b.CID.Bytes()))
	}
	d.ref.Version = tree.Version()
	sum, err := multihash.Sum(d.ref.Root[:], multihash.SHA2_256, -1) // any name will do here
	if err != nil {
		t.Fatal(err)
	}
	d.ref.Manifest = cid.NewCidV1(cid.DagCBOR, sum)
}

func TestPromote(t *testing.T) {
	old := text(60<<10, 5)
	d := build(t, nil, BuildOptions{}, old)
	for name, files := range map[string][][]byte{
		"nothing":    {nil},
		"known":      {old},
		"new":        {noise(300<<10, 1), noise(10<<10, 2)},
		"edited":     {edit(old, 5000, 1), edit(edit(old, 5000, 1), 7000, 2)},
		"recompiled": {edit(old[:20000], 300, 2)},
		"twice":      {slices.Concat(noise(30<<10, 1), old), slices.Concat(old, noise(30<<10, 1))},
		"versions":   {versions(old[:5000], 10, 3)},
		"a byte":     {[]byte("x"), slices.Concat(old[:5000], []byte("y"), old[5000:])},
	} {
		for _, d := range []*dictionary{d, nil} {
			for _, size := range [][2]int{{1 << 17, 4 << 20}, {7, 20000}} {
				var templates [][]byte
				for _, f := range files {
					templates = append(templates, encodeFrames(t, d, f, size[0], size[1]))
				}
				next, moved, stats := promote(t, d, templates...)
				for i, f := range files {
					got, err := decodeWhole(t.Context(), moved[i], next.open)
					if err != nil || !bytes.Equal(got, f) {
						t.Fatalf("%s: file %d comes back as %d bytes of %d: %v", name, i, len(got), len(f), err)
					}
					info, err := Inspect(t.Context(), bytes.NewReader(moved[i]), int64(len(moved[i])))
					if err != nil || info.FreshBytes != 0 || info.RepeatBytes != 0 || info.Parts.Local != 0 {
						t.Errorf("%s: file %d is not purely symbolic: %+v %v", name, i, info, err)
					}
				}
				var base uint64
				if d != nil {
					base = d.tape.size
				}
				if next.tape.size != base+uint64(stats.Moved) {
					t.Errorf("%s: the tape grew from %d to %d, %+v", name, base, next.tape.size, stats)
				}
			}
		}
	}
}

// What was moved before, or is on the tape near the place, is not moved again.
func TestPromoteMovesOnce(t *testing.T) {
	old := text(100<<10, 5)
	d := build(t, nil, BuildOptions{}, old)
	novel := noise(50<<10, 9)
	file := slices.Concat(old[:50000], novel, old[50000:])
	template, _ := encode(t, d, file)
	next, moved, stats := promote(t, d, template, template)
	if stats.Moved < 50<<10 || stats.Moved > 51<<10 || stats.Local < 2*stats.Moved {
		t.Errorf("%+v", stats)
	}
	if !bytes.Equal(moved[0], moved[1]) {
		t.Error("the same template becomes two")
	}
	// Again: nothing is left to be moved.
	again, _, stats := promote(t, next, moved...)
	if stats.Moved != 0 || again.ref != next.ref {
		t.Errorf("%+v", stats)
	}
	// The next release is encoded against it.
	if _, s := encode(t, next, file); s.Fresh > 100 {
		t.Errorf("%d bytes are new", s.Fresh)
	}
}

// Rules that cannot be unrolled stay, over what has become of their symbols.
func TestPromoteRuleBomb(t *testing.T) {
	const doublings = 40
	codes := append(append(repeat(doublings, codeRule), codeFresh), repeat(doublings, codeRef)...)
	template := forged{frames: []forgedFrame{helloFrame(5<<doublings, "", 1, codes...)}}.bytes()
	next, moved, _ := promote(t, nil, template)
	info, err := Inspect(t.Context(), bytes.NewReader(moved[0]), int64(len(moved[0])))
	if err != nil || info.FileSize != 5<<doublings || info.TapeBytes != 5<<doublings || info.Rules != doublings {
		t.Errorf("%+v %v", info, err)
	}
	r := openTemplate(t, next, moved[0])
	b := make([]byte, 9)
	if _, err := r.ReadAt(b, 5<<39); err != nil || string(b) != "hellohell" {
		t.Errorf("%q %v", b, err)
	}
}

// Local notes that stand everywhere between spans, and all of them again and again: that it becomes too much is noticed before all of it has been made.
func TestPromoteTooMuch(t *testing.T) {
	const n = 2500
	d := build(t, nil, BuildOptions{}, noise(10000, 1))
	f := forgedFrame{count: 3 * n, play: n + n + n*n, blocks: []blockEntry{{raw: n, stored: n}}, data: [][]byte{noise(n, 2)}}
	f.streams[streamPlay] = append(repeat(n, codeFresh, codeNew), repeat(n, codeRepeat)...)
	f.streams[streamLocalLen], f.streams[streamTapeLen], f.streams[streamTapePos] = repeat(n, 0), repeat(n, 0), repeat(n, 0)
	f.streams[streamRepeatDist], f.streams[streamRepeatLen] = repeat(n, n), repeat(n, n-1)
	p := NewPromoter(t.Context(), d.tape, ProfileFast, func(Block) error { return nil })
	r := openTemplate(t, d, forged{dict: d.name(), frames: []forgedFrame{f}}.bytes())
	if err := errors.Join(p.Add(r), p.Close()); err != nil {
		t.Fatal(err)
	}
	if s := p.Stats(); s.Moved != 2*n-1 {
		t.Fatalf("%d bytes have moved, want %d", s.Moved, 2*n-1)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := p.Write(new(bytes.Buffer), r, d.ref)
	runtime.ReadMemStats(&after)
	if !errors.Is(err, ErrTooManySpans) {
		t.Error(err)
	}
	if took := (after.TotalAlloc - before.TotalAlloc) >> 20; took > 100 {
		t.Errorf("it took %d MiB", took)
	}
}

func TestPromoteFails(t *testing.T) {
	old := text(100<<10, 5)
	d := build(t, nil, BuildOptions{}, old)
	template, _ := encode(t, d, slices.Concat(noise(300<<10, 9), old))
	r := openTemplate(t, d, template)
	cause := errors.New("disk full")
	emit := func(Block) error { return cause }

	p := NewPromoter(t.Context(), d.tape, ProfileFast, emit)
	err := p.Add(r)
	if cerr := p.Close(); err == nil {
		err = cerr
	}
	if !errors.Is(err, cause) {
		t.Error(err)
	}
	if err := NewPromoter(t.Context(), nil, ProfileFast, emit).Add(r); err == nil {
		t.Error("a template of another dictionary is taken")
	}
	if err := NewPromoter(t.Context(), d.tape, ProfileFast, emit).Write(new(bytes.Buffer), r, d.ref); err == nil {
		t.Error("a template is written that was not added")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p = NewPromoter(ctx, d.tape, ProfileDefault, emit)
	if err := p.Add(r); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	p.Close()
	bad := bytes.Clone(template)
	bad[len(bad)/2] ^= 1
	p = NewPromoter(t.Context(), d.tape, ProfileDefault, func(Block) error { return nil })
	var format *FormatError
	if err := p.Add(openTemplate(t, d, bad)); !errors.As(err, &format) {
		t.Error(err)
	}
	p.Close()
}

// A history: each release is encoded against all before it, and its local notes are moved.
func BenchmarkPromote(b *testing.B) {
	releases := [][]byte{text(4<<20, 5)}
	for i := range 5 {
		releases = append(releases, edit(releases[i], 20000, uint64(i)))
	}
	for b.Loop() {
		d := new(dictionary)
		d.tape = new(memTape)
		var stored, templates int64
		for _, f := range releases {
			t, _ := encode(b, d, f)
			next, moved, stats := promote(b, d, t)
			d = next
			stored += stats.Stored
			templates += int64(len(moved[0]))
		}
		b.ReportMetric(float64(stored), "dictionary-bytes")
		b.ReportMetric(float64(templates), "template-bytes")
	}
}

// A frame with as many symbols as there may be, all of which come twice, does not get more rules than there may be.
func TestFewRules(t *testing.T) {
	const n = 1 << 12
	r := rand.New(rand.NewPCG(1, 1))
	half := make([]uint32, n/2)
	for i := range half {
		half[i] = r.Uint32N(n)
	}
	sequence := slices.Concat(half, half)
	if _, rules := GrammarRePair.compress(sequence, n, DefaultMinPairFreq); len(rules) <= n/4 {
		t.Fatalf("there are only %d rules", len(rules))
	}
	out, rules := fewRules(sequence, n, maxTerminals*n/maxSequence)
	if len(rules) > n/4 || len(out) > len(sequence) {
		t.Errorf("%d symbols and %d rules", len(out), len(rules))
	}
}

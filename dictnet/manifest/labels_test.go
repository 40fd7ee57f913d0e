package manifest

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ipfs/go-cid"

	"dictnet/codec"
	"dictnet/codec/contexts"
)

var update = flag.Bool("update", false, "write the seeds of the fuzz targets")

// grant is what a version gives to a context.
type grant struct {
	name string
	NoteRun
}

// grow appends notes up to a size and labels, and returns the version.
func grow(t testing.TB, s Store, base cid.Cid, to uint64, grants ...grant) codec.DictionaryRef {
	t.Helper()
	var from *Manifest
	if base.Defined() {
		from = mustOpen(t, s, base)
	}
	a, err := NewAppender(t.Context(), s, from)
	if err != nil {
		t.Fatal(err)
	}
	for n := range testNotes(a.Size(), to) {
		if err := a.Add(t.Context(), n.CID, n.RawLen); err != nil {
			t.Fatal(err)
		}
	}
	for _, g := range grants {
		if err := a.Label(g.name, g.NoteRun); err != nil {
			t.Fatal(err)
		}
	}
	ref, err := a.Finish(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

func labelsOf(t testing.TB, s Getter, c cid.Cid) *Labels {
	t.Helper()
	l, err := mustOpen(t, s, c).Labels(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestLabels(t *testing.T) {
	s := newMemStore()
	one := grow(t, s, cid.Undef, 5, grant{"VIDEO", NoteRun{0, 2}}, grant{"VIDEO", NoteRun{2, 1}}, grant{"TEXT", NoteRun{2, 3}})
	// Notes of an earlier version get another label, and one of their own again.
	two := grow(t, s, one.Manifest, 300, grant{"TEXT", NoteRun{0, 1}}, grant{"TEXT", NoteRun{3, 297}}, grant{"AUDIO", NoteRun{299, 1}}, grant{"VIDEO", NoteRun{1, 1}})
	three := grow(t, s, two.Manifest, 301)
	for _, test := range []struct {
		c     cid.Cid
		names string
		want  map[string][]NoteRun
	}{
		{one.Manifest, "VIDEO TEXT", map[string][]NoteRun{"VIDEO": {{0, 3}}, "TEXT": {{2, 3}}, "VIDEO TEXT": {{0, 5}}}},
		{two.Manifest, "VIDEO TEXT AUDIO", map[string][]NoteRun{"VIDEO": {{0, 3}}, "TEXT": {{0, 1}, {2, 298}}, "AUDIO": {{299, 1}}, "AUDIO VIDEO": {{0, 3}, {299, 1}}}},
		{three.Manifest, "VIDEO TEXT AUDIO", map[string][]NoteRun{"TEXT": {{0, 1}, {2, 298}}}},
	} {
		l := labelsOf(t, s, test.c)
		if got := strings.Join(l.Names(), " "); got != test.names {
			t.Errorf("names %q, want %q", got, test.names)
		}
		for names, want := range test.want {
			if got, err := l.Notes(strings.Fields(names)...); err != nil || !slices.Equal(got, want) {
				t.Errorf("%s: %v %v, want %v", names, got, err, want)
			}
		}
		if err := mustOpen(t, s, test.c).Load(t.Context(), nil); err != nil {
			t.Error(err)
		}
	}
	var unknown *contexts.UnknownError
	if _, err := labelsOf(t, s, two.Manifest).Notes("VIDEO", "en"); !errors.As(err, &unknown) || !strings.Contains(err.Error(), "VIDEO, TEXT, AUDIO") {
		t.Error(err)
	}
	if _, err := labelsOf(t, s, mustAppend(t, s, cid.Undef, 0, 3).Manifest).Notes("en"); !errors.As(err, &unknown) || !strings.Contains(err.Error(), "none") {
		t.Error(err)
	}
	if grow(t, s, cid.Undef, 7).Manifest != mustAppend(t, s, cid.Undef, 0, 7).Manifest {
		t.Error("a version without labels has another name")
	}
	// The pages of the notes are those that would be there without labels.
	plain := newMemStore()
	if d, e := mustOpen(t, s, two.Manifest).head, mustOpen(t, plain, grow(t, plain, cid.Undef, 300).Manifest).head; d.tree != e.tree || d.Version != e.Version {
		t.Error("labels change the tree")
	}
}

// A version is known by its notes. Labels alone are none.
func TestLabelsNeedAVersion(t *testing.T) {
	s := newMemStore()
	one := grow(t, s, cid.Undef, 5, grant{"VIDEO", NoteRun{0, 2}})
	a, err := NewAppender(t.Context(), s, mustOpen(t, s, one.Manifest))
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []grant{{"", NoteRun{0, 1}}, {"a b", NoteRun{0, 1}}, {"x", NoteRun{0, 0}}, {"x", NoteRun{0, 6}}, {"x", NoteRun{5, 1}}, {"x", NoteRun{1, 1<<64 - 1}}} {
		if err := a.Label(bad.name, bad.NoteRun); !errors.Is(err, ErrLabels) {
			t.Errorf("%v: %v", bad, err)
		}
	}
	if err := a.Label("VIDEO", NoteRun{1, 1}); err != nil || len(a.Unlabelled()) > 0 {
		t.Error(err, a.Unlabelled())
	}
	if ref, err := a.Finish(t.Context()); err != nil || ref != one {
		t.Error("labels that are there already make another version:", ref, err)
	}
	if err := a.Label("VIDEO", NoteRun{1, 3}); err != nil || !slices.Equal(a.Unlabelled(), []string{"VIDEO"}) {
		t.Error(err, a.Unlabelled())
	}
	if _, err := a.Finish(t.Context()); !errors.Is(err, ErrLabels) {
		t.Error(err)
	}
	n := testNote(5)
	if err := a.Add(t.Context(), n.CID, n.RawLen); err != nil {
		t.Fatal(err)
	}
	ref, err := a.Finish(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := labelsOf(t, s, ref.Manifest).Notes("VIDEO"); err != nil || !slices.Equal(got, []NoteRun{{0, 4}}) {
		t.Error(got, err)
	}
}

// Every earlier version is found in a later one, under the name that it had, and the later one extends it.
func TestLabelsOfEarlierVersions(t *testing.T) {
	s := newMemStore()
	r := rand.New(rand.NewPCG(1, 2))
	var versions []codec.DictionaryRef
	ref := codec.DictionaryRef{}
	size := uint64(0)
	for range 12 {
		size += 1 + r.Uint64N(200)
		var grants []grant
		for range r.IntN(4) {
			first := r.Uint64N(size)
			grants = append(grants, grant{fmt.Sprintf("c%d", r.IntN(5)), NoteRun{first, 1 + r.Uint64N(size-first)}})
		}
		ref = grow(t, s, ref.Manifest, size, grants...)
		versions = append(versions, ref)
	}
	last := mustOpen(t, s, ref.Manifest)
	for _, v := range versions {
		if got, err := last.Prefix(t.Context(), newMemStore(), v.Size); err != nil || got != v {
			t.Errorf("the first %d notes are %v, %v, were %v", v.Size, got, err, v)
		}
		if err := last.CheckExtends(t.Context(), mustOpen(t, s, v.Manifest)); err != nil {
			t.Error(err)
		}
	}
	// The same notes with a label more, or another, at the time.
	old := versions[5]
	for _, g := range []grant{{"c9", NoteRun{0, 1}}, {"c0", NoteRun{old.Size - 1, 1}}} {
		other := grow(t, s, versions[4].Manifest, old.Size, g)
		if err := last.CheckExtends(t.Context(), mustOpen(t, s, other.Manifest)); !errors.Is(err, ErrFork) || !strings.Contains(err.Error(), "labels") {
			t.Errorf("%v: %v", g, err)
		}
	}
}

// Full pages of labels are shared by later versions.
func TestLabelPagesAreShared(t *testing.T) {
	s := newMemStore()
	var grants []grant
	for i := range uint64(labelFanout + 10) {
		grants = append(grants, grant{"odd", NoteRun{2*i + 1, 1}})
	}
	one := grow(t, s, cid.Undef, 3*labelFanout, grants...)
	two := grow(t, s, one.Manifest, 3*labelFanout+1, grant{"all", NoteRun{0, 3 * labelFanout}})
	pages := func(c cid.Cid) (list []string) {
		m := mustOpen(t, s, c)
		if _, err := m.readLabels(t.Context(), func(d digest, name string) (bool, error) {
			list = append(list, cidOf(codecNode, d).String())
			return true, nil
		}); err != nil {
			t.Fatal(err)
		}
		return list
	}
	a, b := pages(one.Manifest), pages(two.Manifest)
	if len(a) != 3 || len(b) != 3 || a[1] != b[1] || a[2] == b[2] {
		t.Error(a, b)
	}
	for c, data := range s.blocks {
		if len(data) > MaxBlock {
			t.Errorf("block %s has %d bytes", c, len(data))
		}
	}
	// Their blocks are walked, each before what it links to, and can be left out.
	var seen []string
	if err := mustOpen(t, s, one.Manifest).Walk(t.Context(), func(l Link) (bool, error) {
		if !l.Note && len(seen) < 4 {
			seen = append(seen, l.CID.String())
		}
		return !l.Note, nil
	}); err != nil || !slices.Equal(seen[1:], a) {
		t.Error(seen, a, err)
	}
	notes := 0
	if err := mustOpen(t, s, one.Manifest).Walk(t.Context(), func(l Link) (bool, error) {
		if l.Note {
			notes++
		}
		return l.CID.String() != a[0], nil
	}); err != nil || notes != 3*labelFanout {
		t.Error(notes, err)
	}
}

func TestTooManyLabels(t *testing.T) {
	s := newMemStore()
	a, err := NewAppender(t.Context(), s, mustOpen(t, s, mustAppend(t, s, cid.Undef, 0, 3).Manifest))
	if err != nil {
		t.Fatal(err)
	}
	n := testNote(3)
	if err := a.Add(t.Context(), n.CID, n.RawLen); err != nil {
		t.Fatal(err)
	}
	for i := range maxContexts + 1 {
		if err := a.Label(fmt.Sprint(i), NoteRun{0, 1}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := a.Finish(t.Context()); !errors.Is(err, ErrLabels) || !strings.Contains(err.Error(), "257 contexts") {
		t.Error(err)
	}
	a.pending = a.pending[:1]
	a.labels = Labels{names: []string{"full"}, runs: make([]labelRun, MaxLabelRuns)}
	if _, err := a.Finish(t.Context()); !errors.Is(err, ErrLabels) || !strings.Contains(err.Error(), "limit 1048576") {
		t.Error(err)
	}
}

// hostileLabels are labels of a version of 10 notes that must be refused, and what is said of them.
func hostileLabels() map[string]struct {
	names []string
	runs  []labelRun
	want  string
} {
	run := func(since uint64, context int, first, count uint64) labelRun {
		return labelRun{since, context, NoteRun{first, count}}
	}
	type l = struct {
		names []string
		runs  []labelRun
		want  string
	}
	return map[string]l{
		"duplicate names":      {[]string{"a", "a"}, []labelRun{run(5, 0, 0, 1), run(5, 1, 0, 1)}, "comes twice"},
		"name with a blank":    {[]string{"a b"}, []labelRun{run(5, 0, 0, 1)}, "cannot name"},
		"empty name":           {[]string{""}, []labelRun{run(5, 0, 0, 1)}, "cannot name"},
		"long name":            {[]string{strings.Repeat("n", 65)}, []labelRun{run(5, 0, 0, 1)}, "cannot name"},
		"no UTF-8":             {[]string{"\xff"}, []labelRun{run(5, 0, 0, 1)}, "cannot name"},
		"name without notes":   {[]string{"a", "b"}, []labelRun{run(5, 0, 0, 1)}, "has no notes"},
		"no such context":      {[]string{"a"}, []labelRun{run(5, 1, 0, 1)}, "context 1, of 1"},
		"names in wrong order": {[]string{"a", "b"}, []labelRun{run(5, 1, 0, 1), run(6, 0, 0, 1)}, "before one of context 0"},
		"of no version":        {[]string{"a"}, []labelRun{run(0, 0, 0, 1)}, "version with 0 notes"},
		"of a later version":   {[]string{"a"}, []labelRun{run(11, 0, 0, 1)}, "version with 11 notes"},
		"beyond the version":   {[]string{"a"}, []labelRun{run(5, 0, 4, 2)}, "notes 4:2, the version 5"},
		"beyond by overflow":   {[]string{"a"}, []labelRun{run(5, 0, 4, 1<<64-1)}, "the version 5"},
		"no note":              {[]string{"a"}, []labelRun{run(5, 0, 4, 0)}, "notes 4:0"},
		"versions unsorted":    {[]string{"a"}, []labelRun{run(6, 0, 0, 1), run(5, 0, 2, 1)}, "out of order"},
		"contexts unsorted":    {[]string{"a", "b"}, []labelRun{run(5, 0, 0, 1), run(5, 1, 0, 1), run(5, 0, 3, 1)}, "out of order"},
		"notes unsorted":       {[]string{"a"}, []labelRun{run(5, 0, 3, 1), run(5, 0, 0, 1)}, "out of order"},
		"overlapping":          {[]string{"a"}, []labelRun{run(5, 0, 0, 3), run(5, 0, 2, 1)}, "out of order"},
		"touching":             {[]string{"a"}, []labelRun{run(5, 0, 0, 2), run(5, 0, 2, 1)}, "goes on"},
		"a note twice":         {[]string{"a"}, []labelRun{run(5, 0, 0, 3), run(6, 0, 2, 1)}, "note 2 belongs to context \"a\" twice"},
	}
}

// withLabels gives a manifest other labels, each with its right name, right or wrong.
func withLabels(t testing.TB, s *memStore, c cid.Cid, raw []byte) cid.Cid {
	t.Helper()
	h := mustOpen(t, s, c).head
	h.labels, h.labelled = s.putNode(raw), true
	return cidOf(codecNode, s.putNode(encodeHead(h)))
}

func TestHostileLabels(t *testing.T) {
	s := newMemStore()
	ten := mustAppend(t, s, cid.Undef, 0, 10).Manifest
	refused := func(name, want string, raw []byte) {
		t.Helper()
		c := withLabels(t, s, ten, raw)
		m := mustOpen(t, s, c)
		_, err := m.Labels(t.Context())
		if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want one about %q", name, err, want)
		}
		for what, err := range map[string]error{"load": m.Load(t.Context(), nil), "walk": m.Walk(t.Context(), func(Link) (bool, error) { return true, nil }),
			"append":  func() error { _, err := NewAppender(t.Context(), s, m); return err }(),
			"prefix":  func() error { _, err := m.Prefix(t.Context(), s, 3); return err }(),
			"extends": m.CheckExtends(t.Context(), mustOpen(t, s, ten))} {
			if !errors.Is(err, ErrInvalid) {
				t.Errorf("%s: %s: %v", name, what, err)
			}
		}
	}
	for name, l := range hostileLabels() {
		refused(name, l.want, encodeLabelHead(labelHead{uint64(len(l.runs)), l.names, []digest{s.putNode(encodeLabelPage(l.runs))}}))
	}
	good := []labelRun{{5, 0, NoteRun{0, 1}}}
	page := s.putNode(encodeLabelPage(good))
	for name, l := range map[string]struct {
		raw  []byte
		want string
	}{
		"more runs than said":  {encodeLabelHead(labelHead{1, []string{"a"}, []digest{s.putNode(encodeLabelPage([]labelRun{good[0], {6, 0, NoteRun{5, 1}}}))}}), "2 runs, want 1"},
		"fewer runs than said": {encodeLabelHead(labelHead{2, []string{"a"}, []digest{page}}), "1 runs, want 2"},
		"no runs":              {encodeLabelHead(labelHead{0, []string{"a"}, nil}), "0 runs"},
		"a page too many":      {encodeLabelHead(labelHead{1, []string{"a"}, []digest{page, page}}), "2 pages for 1 runs"},
		"a page too few":       {encodeLabelHead(labelHead{labelFanout + 1, []string{"a"}, []digest{page}}), "1 pages for 4097 runs"},
		"too many runs":        {encodeLabelHead(labelHead{MaxLabelRuns + 1, []string{"a"}, []digest{page}}), "1048577 runs"},
		"no names":             {encodeLabelHead(labelHead{1, nil, []digest{page}}), "0 names"},
		"too many names":       {encodeLabelHead(labelHead{1, make([]string, 257), []digest{page}}), "257 names"},
		"a page of notes":      {encodeLabelHead(labelHead{1, []string{"a"}, []digest{mustOpen(t, s, ten).head.tree}}), "not a run of labels"},
		"an empty page":        {encodeLabelHead(labelHead{1, []string{"a"}, []digest{s.putNode([]byte{cborArray})}}), "0 runs"},
		"a full page and one":  {encodeLabelHead(labelHead{1, []string{"a"}, []digest{s.putNode(encodeLabelPage(make([]labelRun, labelFanout+1)))}}), "4097 runs"},
		"context 256":          {encodeLabelHead(labelHead{1, []string{"a"}, []digest{s.putNode(encodeLabelPage([]labelRun{{5, 256, NoteRun{0, 1}}}))}}), "context 256"},
		"a name cut short":     {encodeLabelHead(labelHead{1, []string{"a"}, []digest{page}})[:16], "block ends within"},
		"a byte after it":      {append(encodeLabelHead(labelHead{1, []string{"a"}, []digest{page}}), 0), "after the end"},
		"a page with a byte":   {encodeLabelHead(labelHead{1, []string{"a"}, []digest{s.putNode(append(encodeLabelPage(good), 0))}}), "after the end"},
		"a manifest":           {s.blocks[ten], "map of 5 keys"},
		"an empty block":       {nil, "block ends within"},
		"a large block":        {make([]byte, MaxBlock+1), "limit"},
	} {
		refused(name, l.want, l.raw)
	}
	m := mustOpen(t, s, withLabels(t, s, ten, encodeLabelHead(labelHead{1, []string{"a"}, []digest{page}})))
	if got, err := m.Labels(t.Context()); err != nil || len(got.runs) != 1 {
		t.Error("the labels that these were made from:", err)
	}
	delete(s.blocks, cidOf(codecNode, page))
	if _, err := mustOpen(t, s, m.cid).Labels(context.Background()); !errors.Is(err, errMissing) {
		t.Error(err)
	}
	empty := mustOpen(t, s, mustAppend(t, s, cid.Undef, 0, 0).Manifest).head
	empty.labels, empty.labelled = page, true
	if _, err := Open(t.Context(), s, cidOf(codecNode, s.putNode(encodeHead(empty)))); !errors.Is(err, ErrInvalid) {
		t.Error("labels of no notes:", err)
	}
}

// FuzzLabels: what is decoded is written again as the same bytes, and what passes the check answers for its notes.
func FuzzLabels(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte) {
		if h, books, err := decodeLabelHead(data); err == nil && !bytes.Equal(encodeLabelHead(h, books...), data) {
			t.Error("labels have two encodings")
		}
		runs, err := decodeLabelPage(data)
		if err != nil {
			return
		}
		if !bytes.Equal(encodeLabelPage(runs), data) {
			t.Error("a page of labels has two encodings")
		}
		l := Labels{runs: runs}
		for _, r := range runs {
			for len(l.names) <= r.context {
				l.names = append(l.names, fmt.Sprint(len(l.names)))
			}
		}
		const size = 1000
		if l.check(size) != nil {
			return
		}
		var sum, all uint64
		for _, r := range runs {
			sum += r.Count
		}
		for _, name := range l.names {
			notes, err := l.Notes(name)
			if err != nil {
				t.Fatal(err)
			}
			var end uint64
			for i, r := range notes {
				if r.Count == 0 || r.end() > size || i > 0 && r.First <= end {
					t.Fatalf("runs %v", notes)
				}
				end = r.end()
				all += r.Count
			}
		}
		if all != sum {
			t.Errorf("%d notes became %d", sum, all)
		}
		for _, at := range []uint64{0, 1, size / 2, size} {
			if was := l.upTo(at); was.check(at) != nil {
				t.Errorf("the labels up to %d notes: %v", at, was.check(at))
			}
		}
	})
}

// The files under testdata/fuzz/FuzzLabels are the seeds, in the format of go test.
func TestLabelSeedsAreWritten(t *testing.T) {
	all := map[string][]byte{
		"head": encodeLabelHead(labelHead{5000, []string{"VIDEO", "en"}, []digest{{1}, {2}}}),
		"good": encodeLabelPage([]labelRun{{5, 0, NoteRun{0, 2}}, {5, 1, NoteRun{1, 4}}, {900, 0, NoteRun{2, 1}}, {900, 0, NoteRun{4, 800}}}),
	}
	for name, l := range hostileLabels() {
		all[name] = encodeLabelPage(l.runs)
	}
	writeSeeds(t, "FuzzLabels", all)
}

// writeSeeds compares seeds with the files of a fuzz target, or writes these.
func writeSeeds(t *testing.T, target string, all map[string][]byte) {
	t.Helper()
	dir := filepath.Join("testdata", "fuzz", target)
	if *update {
		if err := os.MkdirAll(dir, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		text := fmt.Sprintf("go test fuzz v1\n[]byte(%s)\n", strconv.Quote(string(all[name])))
		file := filepath.Join(dir, strings.NewReplacer(" ", "-", ",", "", "^", "").Replace(name))
		if *update {
			if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(file); err != nil || string(got) != text {
			t.Errorf("%s is not what -update writes: %v", file, err)
		}
	}
}

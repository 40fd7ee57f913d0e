package dictnet

import (
	"bufio"
	"context"
	"errors"
	"io"
	"iter"

	"dictnet/codec"
	"dictnet/codec/contexts"
	"dictnet/codec/records"
	"dictnet/dictnet/manifest"
)

// TemplateHead is what stands before a template in its file: nothing, the list of its notes, or its meanings.
type TemplateHead struct {
	Portable *Portable
	Meanings *contexts.Meanings
	Bytes    int64
}

// ReadTemplateHead takes what stands before a template off src; the template follows. Of a list that has more notes than most it returns
// ErrLongList; 0 is the limit of the format.
func ReadTemplateHead(src *bufio.Reader, most int) (h TemplateHead, err error) {
	magic, _ := src.Peek(max(len(PortableMagic), len(contexts.MeaningsMagic))) // what is wrong, if something is, is told by who reads the template
	begins := func(m string) bool { return len(magic) >= len(m) && string(magic[:len(m)]) == m }
	switch {
	case begins(PortableMagic):
		if most == 0 {
			most = maxPortableNotes
		}
		h.Portable, h.Bytes, err = readList(src, most)
	case begins(contexts.MeaningsMagic):
		h.Meanings, h.Bytes, err = contexts.ReadMeanings(src)
	}
	return h, err
}

// TemplateFile is a file that holds a template, or the templates of records, to be read at random.
type TemplateFile struct {
	io.ReaderAt // what follows the head
	Size        int64
	Head        TemplateHead
}

// OpenTemplate takes what stands before a template in a file of size bytes off it, as ReadTemplateHead does. The caller keeps src open.
func OpenTemplate(src io.ReaderAt, size int64, most int) (*TemplateFile, error) {
	head, err := ReadTemplateHead(bufio.NewReader(io.NewSectionReader(src, 0, size)), most)
	if err != nil {
		return nil, err
	}
	return &TemplateFile{io.NewSectionReader(src, head.Bytes, size-head.Bytes), size - head.Bytes, head}, nil
}

// HoldsRecords reports whether there is no template but those of records, which package records reads.
func (f *TemplateFile) HoldsRecords() bool {
	head := make([]byte, len(records.PackMagic))
	n, _ := f.ReadAt(head, 0)
	return f.Head.Bytes == 0 && records.Holds(head[:n])
}

// TemplateInfo says what a file is made of that holds a template.
type TemplateInfo struct {
	codec.Info                     // TemplateSize is that of the file
	Parts      TemplateParts       `json:"parts"`
	List       *ListInfo           `json:"list,omitempty"`
	Contexts   *contexts.Directory `json:"contexts,omitempty"`
	Meanings   *contexts.Meanings  `json:"meanings,omitempty"`
	Notes      []ContextNotes      `json:"notesOfContexts,omitempty"` // of the dictionary; nil if it has no contexts, or is not to be had

	ContextsKnown bool `json:"-"` // false: whether there are any is said by notes that are not to be had
}

// TemplateParts is what the bytes of the file are spent on.
type TemplateParts struct {
	codec.Parts
	List     int64 `json:"list,omitempty"`     // the list of notes that stands before the template
	Meanings int64 `json:"meanings,omitempty"` // what stands there of its meanings
}

// ListInfo is of the list of a portable template.
type ListInfo struct {
	Notes  int  `json:"notes"`
	Proved bool `json:"proved"`      // there is a proof; whether it holds was not asked
	Hashes int  `json:"proofHashes"` // of the proof: none if the list has all notes of the version
}

// Inspect says what the template is made of. Open opens the dictionary that it names, for what is in its notes; it may return nil if it is not to be had.
func (f *TemplateFile) Inspect(ctx context.Context, open func(context.Context, codec.DictionaryName) (*Tape, error)) (*TemplateInfo, error) {
	info, err := codec.Inspect(ctx, f, f.Size)
	if err != nil {
		return nil, err
	}
	info.TemplateSize += f.Head.Bytes
	result := &TemplateInfo{Info: info, Parts: TemplateParts{Parts: info.Parts}, Meanings: f.Head.Meanings}
	if p := f.Head.Portable; p != nil {
		result.Parts.List, result.List = f.Head.Bytes, &ListInfo{len(p.Notes), p.Proof != nil, len(p.Proof)}
	} else {
		result.Parts.Meanings = f.Head.Bytes
	}
	var tape *Tape
	whole, err := codec.NewReaderAt(ctx, f, f.Size, func(ctx context.Context, name codec.DictionaryName) (codec.Tape, error) {
		var err error
		if tape, err = open(ctx, name); tape != nil || err != nil {
			return tape, err
		}
		return new(spanRecorder), nil
	})
	if err != nil {
		return nil, err
	}
	d, err := contexts.Find(whole, whole.Size())
	result.Contexts, result.ContextsKnown = d, err == nil
	if tape != nil {
		if spans, err := collect(whole.Wanted()); err == nil {
			result.Notes, _ = NotesOfContexts(ctx, tape.m, spans) // not all pages need be here
		}
	}
	return result, ctx.Err()
}

// TemplatePlan says what playing a template would cost.
type TemplatePlan struct {
	*Plan
	Listed   bool           `json:"listed,omitempty"`   // the notes are those that the template lists, and the manifest was not asked
	Contexts []ContextNotes `json:"contexts,omitempty"` // of the dictionary
}

// Plan says what playing the template would cost; with a context, what it means under that one, which takes a template with meanings. Open opens the dictionary that it names: a *Tape, or the
// *PortableTape of its list.
func (f *TemplateFile) Plan(ctx context.Context, under string, open codec.OpenTape) (*TemplatePlan, error) {
	var tape codec.Tape
	whole, err := codec.NewReaderAt(ctx, f, f.Size, func(ctx context.Context, name codec.DictionaryName) (codec.Tape, error) {
		var err error
		tape, err = open(ctx, name)
		return tape, err
	})
	if err != nil {
		return nil, err
	}
	switch t := tape.(type) {
	case *Tape:
		spans, err := f.wanted(ctx, whole, t, under)
		if err != nil {
			return nil, err
		}
		plan := new(TemplatePlan)
		if plan.Plan, err = t.client.Plan(ctx, t, spans); err == nil {
			plan.Contexts, err = NotesOfContexts(ctx, t.m, spans)
		}
		return plan, err
	case *PortableTape:
		spans, err := collect(whole.Wanted())
		if err != nil {
			return nil, err
		}
		plan, err := t.Plan(ctx, spans)
		return &TemplatePlan{Plan: plan, Listed: true}, err
	}
	return &TemplatePlan{Plan: newPlan()}, nil // it needs no dictionary
}

// wanted returns the spans of the tape that the template asks for, under a context if one is named.
func (f *TemplateFile) wanted(ctx context.Context, whole *codec.Reader, t *Tape, under string) ([]codec.Span, error) {
	m := f.Head.Meanings
	if under == "" {
		return collect(whole.Wanted())
	}
	if other, err := m.Find(under); err != nil {
		return nil, err
	} else if other == nil { // the one that it was made under
		return collect(whole.Wanted())
	}
	codes, err := t.m.Codes(ctx)
	if err != nil {
		return nil, err
	}
	translate, err := codes.Translate(m.Source, under)
	if err != nil {
		return nil, err
	}
	return whole.WantedMeaning(translate)
}

func collect(seq iter.Seq2[codec.Span, error]) (spans []codec.Span, err error) {
	for s, err := range seq {
		if err != nil {
			return nil, err
		}
		spans = append(spans, s)
	}
	return spans, nil
}

// ContextNotes counts the notes of a context among those that are asked for.
type ContextNotes struct {
	Context string `json:"context"` // empty: notes that belong to none
	Notes   uint64 `json:"notes"`
}

// NotesOfContexts says how many of the notes that hold the spans belong to each context of their dictionary, and to none; nil if it has no contexts.
func NotesOfContexts(ctx context.Context, m *manifest.Manifest, spans []codec.Span) ([]ContextNotes, error) {
	labels, err := m.Labels(ctx)
	if err != nil || len(labels.Names()) == 0 {
		return nil, err
	}
	sets := make([][]manifest.NoteRun, 0, len(labels.Names())+1)
	var list []ContextNotes
	for _, name := range labels.Names() {
		runs, err := labels.Notes(name)
		if err != nil {
			return nil, err
		}
		list, sets = append(list, ContextNotes{Context: name}), append(sets, runs)
	}
	none := ContextNotes{}
	for n, err := range manifest.NotesOf(ctx, codec.JoinSpans(spans), m.Locate) {
		if err != nil {
			return nil, err
		}
		some := false
		for i, runs := range sets {
			if manifest.InRuns(runs, n.Index) {
				some = true
				list[i].Notes++
			}
		}
		if !some {
			none.Notes++
		}
	}
	return append(list, none), nil
}

// ErrLongList is wrapped when a template lists more notes than are looked at.
var ErrLongList = errors.New("the list of notes is too long")

package codec

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"iter"
	"math"
	"slices"
)

// Info says what a template is made of. Bytes are of the file, but where said otherwise.
type Info struct {
	Dictionary   *DictionaryName `json:"dictionary"`   // nil if none is named
	FileSize     int64           `json:"fileSize"`     // of the file that it plays
	TemplateSize int64           `json:"templateSize"` // bytes of the template
	Frames       int64           `json:"frames"`
	Symbols      int64           `json:"symbols"`       // in the frames' sequences
	Rules        int64           `json:"rules"`         // that the frames define
	Terminals    int64           `json:"terminals"`     // spans and local notes that the frames define
	TapeBytes    int64           `json:"tapeBytes"`     // played from the dictionary
	FreshBytes   int64           `json:"freshBytes"`    // local notes, where they play first
	RepeatBytes  int64           `json:"repeatBytes"`   // local notes, where they play again
	TapeSpans    int64           `json:"tapeSpans"`     // different spans of the tape, counted in each frame
	TapeSpanSize int64           `json:"tapeSpanBytes"` // bytes of the tape that these cover
	Parts        Parts           `json:"parts"`         // what the bytes of the template are spent on
}

// MarshalJSON names the manifest by its CID as text.
func (d DictionaryName) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Manifest string `json:"manifest"`
		Size     uint64 `json:"size"`
	}{d.Manifest.String(), d.Size})
}

// anyTape is the size of a tape that is not at hand: all that a span can ask for.
const anyTape = math.MaxInt64

// Inspect says what a template of size bytes is made of. It needs no dictionary, so it cannot see whether spans lie within the
// tape; nothing is played, and the local notes are not opened. Everything else that the format demands is checked.
func Inspect(ctx context.Context, src io.ReaderAt, size int64) (Info, error) {
	r, err := openReader(ctx, src, size)
	if err != nil {
		return Info{}, err
	}
	info := Info{Dictionary: r.dict, FileSize: r.Size(), TemplateSize: size, Frames: int64(len(r.idx.frames))}
	var tapeSize uint64
	if r.dict != nil {
		tapeSize = anyTape
	}
	known := make(needs)
	for i, e := range r.idx.frames {
		if err := ctx.Err(); err != nil {
			return Info{}, err
		}
		fr, err := readFrame(r.play.src, e, r.idx.frames[:i], tapeSize, int(r.play.blockSize))
		if err != nil {
			return Info{}, err
		}
		if err := known.add(fr); err != nil {
			return Info{}, err
		}
		info.add(fr)
	}
	info.Parts.Other = size - info.Parts.Symbols - info.Parts.Local
	return info, nil
}

// add counts a frame. Every symbol is visited once: how often it plays follows from how often those play that are made of it.
func (i *Info) add(fr *frame) {
	symbols := fr.score.symbols
	var spans []Span
	for n, times := range fr.score.times() {
		switch s := symbols[n]; s.code {
		case codeRule:
			i.Rules++
			continue
		case codeTape:
			i.TapeBytes += times * int64(s.len)
			spans = append(spans, Span{s.pos, s.len})
		case codeFresh:
			i.FreshBytes += int64(s.len)
			i.RepeatBytes += (times - 1) * int64(s.len)
		case codeRepeat:
			i.RepeatBytes += times * int64(s.len)
		}
		i.Terminals++
	}
	i.Symbols += int64(len(fr.score.sequence))
	i.Parts.Symbols += fr.parts.Symbols
	i.Parts.Local += fr.parts.Local

	slices.SortFunc(spans, func(a, b Span) int { return cmp.Or(cmp.Compare(a.Pos, b.Pos), cmp.Compare(a.Len, b.Len)) })
	spans = slices.Compact(spans)
	i.TapeSpans += int64(len(spans))
	var end uint64
	for _, s := range spans {
		if last := s.Pos + s.Len; last > end {
			i.TapeSpanSize += int64(last - max(end, s.Pos))
			end = last
		}
	}
}

// Wanted returns the runs of the tape that playing the whole file asks for, in playing order: those that local notes are coded
// against, and the spans. A run comes once in a frame, however often it plays. Runs may overlap. After an error
// nothing follows.
func (r *Reader) Wanted() iter.Seq2[Span, error] {
	return func(yield func(Span, error) bool) {
		for i := range r.idx.frames {
			fr, err := r.frame(i)
			if err != nil {
				yield(Span{}, err)
				return
			}
			seen := make(map[Span]bool)
			for _, s := range fr.wanted(r.play.notes.size()) {
				if seen[s] {
					continue
				}
				seen[s] = true
				if !yield(s, nil) {
					return
				}
			}
		}
	}
}

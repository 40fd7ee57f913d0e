package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/ipfs/go-cid"

	"dictnet/codec"
	"dictnet/codec/contexts"
	"dictnet/dictnet"
	"dictnet/dictnet/manifest"
)

// labelledSample is a sample, and the expansion contexts that it belongs to.
type labelledSample struct {
	name     string // as it was typed
	contexts []string
	label    int // the same for samples with the same contexts; 0: none
	files    []string
}

// labelledSamples puts the samples of a command line together: NAME is a context of all that are named as arguments, NAME=SAMPLE of one.
func labelledSamples(names, labels []string) (samples []labelledSample, err error) {
	var all []string
	var single []labelledSample
	for _, l := range labels {
		name, sample, one := strings.Cut(l, "=")
		if err := contexts.CheckName(name); err != nil {
			return nil, usageErrorf("as --context VIDEO or --context VIDEO=clips/", "%w", err)
		}
		switch {
		case one && sample == "":
			return nil, usageErrorf("as --context VIDEO=clips/", "context %q is not NAME or NAME=SAMPLE", l)
		case one:
			single = append(single, labelledSample{name: sample, contexts: []string{name}})
		case len(names) == 0:
			return nil, usageErrorf("as --context "+name+" SAMPLE... or --context "+name+"=SAMPLE", "no sample is named for context %s", name)
		case !slices.Contains(all, name):
			all = append(all, name)
		}
	}
	for _, name := range names {
		samples = append(samples, labelledSample{name: name, contexts: all})
	}
	samples = append(samples, single...)
	var sets [][]string
	for i := range samples {
		s := &samples[i]
		if len(s.contexts) == 0 {
			continue
		}
		k := slices.IndexFunc(sets, func(set []string) bool { return slices.Equal(set, s.contexts) })
		if k < 0 {
			k = len(sets)
			sets = append(sets, s.contexts)
		}
		s.label = k + 1
	}
	return samples, nil
}

// sampleLabels collects where samples stand on the tape, by their contexts.
type sampleLabels struct {
	contexts [][]string // of each label; [0] has none
	spans    [][]codec.Span
	sorted   []int // of the spans, those that have been put in order
}

func labelsOf(samples []labelledSample) *sampleLabels {
	l := new(sampleLabels)
	for _, s := range samples {
		for len(l.contexts) <= s.label {
			l.contexts = append(l.contexts, nil)
		}
		l.contexts[s.label] = s.contexts
	}
	l.spans, l.sorted = make([][]codec.Span, len(l.contexts)), make([]int, len(l.contexts))
	return l
}

// placed returns what a builder is to tell, or nil if there are no labels.
func (l *sampleLabels) placed() func(int, codec.Span) {
	if len(l.contexts) < 2 {
		return nil
	}
	return func(label int, s codec.Span) {
		if label == 0 {
			return
		}
		spans := l.spans[label]
		if k := len(spans) - 1; k >= 0 && spans[k].Pos+spans[k].Len == s.Pos {
			spans[k].Len += s.Len
			return
		}
		if l.spans[label] = append(spans, s); len(l.spans[label]) > 2*l.sorted[label]+1<<16 {
			l.spans[label] = codec.JoinSpans(l.spans[label])
			l.sorted[label] = len(l.spans[label])
		}
	}
}

// give labels the notes of the next version of a dictionary.
func (l *sampleLabels) give(ext *dictnet.Extension) error {
	for label, names := range l.contexts {
		spans := codec.JoinSpans(l.spans[label])
		for _, name := range names {
			if err := ext.Label(name, spans); err != nil {
				return err
			}
		}
	}
	return nil
}

// contextInfo is an expansion context of a dictionary.
type contextInfo struct {
	Name  string `json:"name"`
	Notes uint64 `json:"notes"`
	Bytes uint64 `json:"bytes"` // of the tape
}

// dictionaryContexts lists the contexts of a dictionary.
func dictionaryContexts(ctx context.Context, get manifest.Getter, c cid.Cid) ([]contextInfo, error) {
	m, err := manifest.Open(ctx, get, c)
	if err != nil {
		return nil, err
	}
	return contextsOf(ctx, m)
}

func contextsOf(ctx context.Context, m *manifest.Manifest) ([]contextInfo, error) {
	labels, err := m.Labels(ctx)
	if err != nil {
		return nil, err
	}
	var list []contextInfo
	for _, name := range labels.Names() {
		spans, notes, err := contextSpans(ctx, m, name)
		if err != nil {
			return nil, err
		}
		info := contextInfo{Name: name, Notes: notes}
		for _, s := range spans {
			info.Bytes += s.Len
		}
		list = append(list, info)
	}
	return list, nil
}

// contextSpans returns the parts of the tape that belong to one or more of the contexts, in order, and how many notes they are.
func contextSpans(ctx context.Context, m *manifest.Manifest, names ...string) (spans []codec.Span, notes uint64, err error) {
	labels, err := m.Labels(ctx)
	if err != nil {
		return nil, 0, err
	}
	runs, err := labels.Notes(names...)
	if err != nil {
		return nil, 0, contextError(err)
	}
	for _, r := range runs {
		first, err := m.Note(ctx, r.First)
		if err != nil {
			return nil, 0, err
		}
		last, err := m.Note(ctx, r.First+r.Count-1)
		if err != nil {
			return nil, 0, err
		}
		spans = append(spans, codec.Span{Pos: first.Start, Len: last.Start + uint64(last.RawLen) - first.Start})
		notes += r.Count
	}
	return spans, notes, nil
}

func contextRows(list []contextInfo) (rows []row) {
	for _, c := range list {
		rows = append(rows, row{"context " + c.Name, fmt.Sprintf("%d notes, %s", c.Notes, bytesText(c.Bytes))})
	}
	return rows
}

func noteContextRows(list []dictnet.ContextNotes) (rows []row) {
	for _, c := range list {
		name := "  of " + c.Context
		if c.Context == "" {
			name = "  of no context"
		}
		rows = append(rows, row{name, c.Notes})
	}
	return rows
}

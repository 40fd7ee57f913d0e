package codec

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"math"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"
)

// Measure says what a file holds. Bytes are of the file.
type Measure struct {
	Bytes     uint64      `json:"bytes"`
	Lines     uint64      `json:"lines"`   // newlines, and what follows the last one
	Entropy   float64     `json:"entropy"` // bits for each byte, if bytes came independently (order 0)
	Tape      uint64      `json:"dictionaryBytes"`
	Fresh     uint64      `json:"localBytes"`    // local notes, where they play first in the file
	Repeat    uint64      `json:"repeatedBytes"` // local notes, where they play again
	Distinct  uint64      `json:"distinctBytes"` // of the tape and the local tape that play at all
	Histogram [256]uint64 `json:"histogram"`     // how often each byte occurs
}

// Measure measures the file without playing it: how often each byte of a note plays follows from the symbols, and so
// every note, or local note, is looked at once. Given parts of the file, it measures what they are one after the other. What is touched is
// checked as by ReadAt.
func (r *Reader) Measure(ctx context.Context, parts ...Span) (Measure, error) {
	return r.measure(ctx, maxSteps, parts)
}

// measure is Measure, with so many steps at most.
func (r *Reader) measure(ctx context.Context, most int, parts []Span) (Measure, error) {
	if parts == nil {
		parts = []Span{{0, uint64(r.Size())}}
	}
	var m Measure
	var w weights
	end := uint64(0) // of the last part that is not empty
	for _, p := range parts {
		if size := uint64(r.Size()); p.Pos > size || p.Len > size-p.Pos {
			return Measure{}, fmt.Errorf("bytes %d:%d of a file of %d", p.Pos, p.Len, size)
		}
		if p.Len > 0 {
			end = p.Pos + p.Len
		}
		m.Bytes += p.Len
		for fr, err := range r.framesWithin(p) {
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				return Measure{}, err
			}
			w.add(fr, p, &m)
			if len(w.tape)+len(w.local) <= most {
				continue
			}
			if w.merge(); len(w.tape)+len(w.local) > most/4*3 { // or else there is room for many more
				if err := w.weigh(ctx, r, &m); err != nil {
					return Measure{}, err
				}
			}
		}
	}
	if err := w.weigh(ctx, r, &m); err != nil {
		return Measure{}, err
	}
	m.Lines = m.Histogram['\n']
	if end > 0 {
		var last [1]byte
		if _, err := r.ReadAt(last[:], int64(end)-1); err != nil {
			return Measure{}, err
		}
		if last[0] != '\n' {
			m.Lines++
		}
	}
	for _, n := range m.Histogram {
		if n > 0 {
			share := float64(n) / float64(m.Bytes)
			m.Entropy -= share * math.Log2(share)
		}
	}
	return m, nil
}

// framesWithin yields the frames that play bytes of a part of the file.
func (r *Reader) framesWithin(part Span) iter.Seq2[*frame, error] {
	return func(yield func(*frame, error) bool) {
		for i := r.frameAt(part.Pos); i < len(r.idx.frames) && r.idx.frames[i].start < part.Pos+part.Len; i++ {
			if fr, err := r.frame(i); !yield(fr, err) || err != nil {
				return
			}
		}
	}
}

// PlaysFrom says how many bytes of parts of the file play from each of several sets of spans of the tape, which are as JoinSpans returns them.
func (r *Reader) PlaysFrom(sets [][]Span, parts ...Span) ([]uint64, error) {
	if parts == nil {
		parts = []Span{{0, uint64(r.Size())}}
	}
	sums := make([]uint64, len(sets))
	covers := make([]coverage, len(sets))
	for i, set := range sets {
		covers[i] = coverageOf(set)
	}
	for _, p := range parts {
		for fr, err := range r.framesWithin(p) {
			if err != nil {
				return nil, err
			}
			for s, times := range fr.playedWithin(p) {
				if s.code != codeTape {
					continue
				}
				for i, c := range covers {
					sums[i] += times * (c.upTo(s.pos+s.len) - c.upTo(s.pos))
				}
			}
		}
	}
	return sums, nil
}

// coverage knows how many bytes of a set of spans stand before any place of the tape.
type coverage struct {
	set    within
	before []uint64 // bytes of the set before each of its spans
}

func coverageOf(set []Span) coverage {
	c := coverage{set, make([]uint64, len(set))}
	sum := uint64(0)
	for i, s := range set {
		c.before[i] = sum
		sum += s.Len
	}
	return c
}

// upTo returns how many bytes of the set stand before pos.
func (c coverage) upTo(pos uint64) uint64 {
	i, _ := slices.BinarySearchFunc(c.set, pos, func(s Span, pos uint64) int { return cmp.Compare(s.Pos, pos) })
	if i == 0 {
		return 0
	}
	last := c.set[i-1]
	return c.before[i-1] + min(pos-last.Pos, last.Len)
}

// maxSteps is how many steps are collected before they are weighed: 48 MiB.
const maxSteps = 3 << 20

// step is a place of a tape from which on bytes play so many times more, or fewer, than before it.
type step struct {
	pos   uint64
	times int64
}

// weights say how often each byte of the tape and of the local tape plays.
type weights struct {
	tape, local []step
	weighed     [2]within // of both, what has been
}

// merge makes one of steps at the same place.
func (w *weights) merge() { w.tape, w.local = merged(w.tape), merged(w.local) }

// add adds the terminals of a frame that play in a part of the file.
func (w *weights) add(fr *frame, part Span, m *Measure) {
	var local uint64
	for s, times := range fr.playedWithin(part) {
		to := &w.tape
		if s.code == codeTape {
			m.Tape += times * s.len
		} else {
			to = &w.local
			local += times * s.len
		}
		*to = append(*to, step{s.pos, int64(times)}, step{s.pos + s.len, -int64(times)})
	}
	var fresh uint64
	for n, at := range fr.score.firstPlays(fr.start) {
		if s := fr.score.symbols[n]; s.code == codeFresh {
			if from, end := max(at, part.Pos), min(at+s.len, part.Pos+part.Len); from < end {
				fresh += end - from
			}
		}
	}
	m.Fresh += fresh
	m.Repeat += local - fresh
}

// playedWithin yields the terminals of a frame that play in a part of the file, and how often; of those at its ends, what plays of them.
func (fr *frame) playedWithin(part Span) iter.Seq2[symbol, uint64] {
	from := max(part.Pos, fr.start) - fr.start
	end := min(part.Pos+part.Len, fr.start+fr.play) - fr.start
	return func(yield func(symbol, uint64) bool) {
		times, ends := fr.score.timesWithin(from, end)
		for _, s := range ends {
			if !yield(s, 1) {
				return
			}
		}
		for n, k := range times {
			if s := fr.score.symbols[n]; k > 0 && s.code != codeRule && !yield(s, uint64(k)) {
				return
			}
		}
	}
}

// eachWithin tells of what a score plays within its bytes from to end, in order: of symbols that play as a whole, by their numbers, and of what plays of the
// terminals at the ends. A rule is opened only if an end runs through it.
func (s *score) eachWithin(from, end uint64, whole func(n uint32), piece func(symbol)) {
	var visit func(n uint32, at uint64)
	visit = func(n uint32, at uint64) {
		x := s.symbols[n]
		switch {
		case at >= end || at+x.len <= from:
		case from <= at && at+x.len <= end:
			whole(n)
		case x.code == codeRule:
			left, right := x.halves()
			visit(left, at)
			visit(right, at+s.symbols[left].len)
		default:
			a, b := max(from, at), min(end, at+x.len)
			piece(symbol{code: x.code, pos: x.pos + a - at, len: b - a})
		}
	}
	first, _ := slices.BinarySearchFunc(s.ends, from, func(e, from uint64) int {
		if e <= from {
			return -1
		}
		return 1
	})
	for i := first; i < len(s.sequence); i++ {
		at := s.ends[i] - s.symbols[s.sequence[i]].len
		if at >= end {
			break
		}
		visit(s.sequence[i], at)
	}
}

// timesWithin returns how often each symbol of a score plays as a whole within the bytes from to end of what it plays, and what plays of the
// terminals at its ends.
func (s *score) timesWithin(from, end uint64) (times []int64, ends []symbol) {
	times = make([]int64, len(s.symbols))
	s.eachWithin(from, end, func(n uint32) { times[n]++ }, func(x symbol) { ends = append(ends, x) })
	for n := len(s.symbols) - 1; n >= 0; n-- { // a rule has a higher number than its parts
		if r := s.symbols[n]; r.code == codeRule {
			left, right := r.halves()
			times[left] += times[n]
			times[right] += times[n]
		}
	}
	return times, ends
}

// times returns how often each symbol of a score plays.
func (s *score) times() []int64 {
	times, _ := s.timesWithin(0, s.ends[len(s.ends)-1])
	return times
}

// merged sorts steps and makes one of those at the same place.
func merged(steps []step) []step {
	slices.SortFunc(steps, func(a, b step) int { return cmp.Compare(a.pos, b.pos) })
	out := steps[:0]
	for _, s := range steps {
		if k := len(out); k > 0 && out[k-1].pos == s.pos {
			out[k-1].times += s.times
		} else {
			out = append(out, s)
		}
	}
	return slices.DeleteFunc(out, func(s step) bool { return s.times == 0 })
}

// weighed is a run of a tape's bytes that play equally often.
type weighed struct {
	Span
	times uint64
}

// weigh adds what the steps say to the histogram, and forgets them.
func (w *weights) weigh(ctx context.Context, r *Reader, m *Measure) error {
	var mu sync.Mutex
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	w.merge()
	for k, steps := range [][]step{w.tape, w.local} {
		local := k == 1
		runs := make([]weighed, 0, len(steps))
		var at uint64
		var times int64
		for _, s := range steps {
			if times > 0 {
				runs = append(runs, weighed{Span{at, s.pos - at}, uint64(times)})
			}
			at, times = s.pos, times+s.times
		}
		m.Distinct += w.distinct(k, runs)
		r.tell(gctx, local, runs)
		for len(runs) > 0 {
			if gctx.Err() != nil {
				break
			}
			st, err := r.play.stretchAt(gctx, local, runs[0].Pos)
			if err != nil {
				g.Go(func() error { return err })
				break
			}
			var within []weighed // of this stretch
			for len(runs) > 0 && runs[0].Pos < st.end {
				x := runs[0]
				n := min(x.Len, st.end-x.Pos)
				within = append(within, weighed{Span{x.Pos, n}, x.times})
				if n == x.Len {
					runs = runs[1:]
				} else {
					runs[0] = weighed{Span{x.Pos + n, x.Len - n}, x.times}
				}
			}
			g.Go(func() error {
				start, raw, err := r.play.bytes(gctx, st)
				if err != nil {
					return err
				}
				var sum [256]uint64
				for _, x := range within {
					count(&sum, raw[x.Pos-start:x.Pos-start+x.Len], x.times)
				}
				mu.Lock()
				defer mu.Unlock()
				for i, n := range sum {
					m.Histogram[i] += n
				}
				return nil
			})
		}
	}
	w.tape, w.local = w.tape[:0], w.local[:0]
	if err := g.Wait(); err != nil {
		return err
	}
	return ctx.Err()
}

// distinct returns how many bytes of runs of the tape, or of the local tape, have not been weighed before, as they are now.
func (w *weights) distinct(k int, runs []weighed) (n uint64) {
	spans := make([]Span, len(runs))
	for i, x := range runs {
		spans[i] = x.Span
	}
	before := append(within{}, w.weighed[k]...)
	for _, s := range before.outside(spans) {
		n += s.Len
	}
	w.weighed[k] = JoinSpans(append(spans, before...))
	return n
}

// tell tells the tape, if it wants to know, what will be read.
func (r *Reader) tell(ctx context.Context, local bool, runs []weighed) {
	t, ok := r.play.notes.prefetcher()
	if local || !ok {
		return
	}
	spans := make([]Span, len(runs))
	for i, x := range runs {
		spans[i] = x.Span
	}
	t.Prefetch(ctx, spans)
}

// count adds bytes that play so many times to a histogram.
func count(sum *[256]uint64, b []byte, times uint64) {
	if len(b) < 256 {
		for _, c := range b {
			sum[c] += times
		}
		return
	}
	var four [4][256]uint32 // so that a byte does not wait for the same one before it
	for ; len(b) >= 4; b = b[4:] {
		four[0][b[0]]++
		four[1][b[1]]++
		four[2][b[2]]++
		four[3][b[3]]++
	}
	for _, c := range b {
		four[0][c]++
	}
	for i := range sum {
		sum[i] += times * uint64(four[0][i]+four[1][i]+four[2][i]+four[3][i])
	}
}

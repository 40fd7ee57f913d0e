package codec

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"slices"
	"sort"

	"dictnet/codec/internal/gear"
)

// Common is a run of bytes that two files share.
type Common struct {
	A   uint64 `json:"a"` // where it is in the one, in bytes
	B   uint64 `json:"b"` // where it is in the other
	Len uint64 `json:"length"`
}

// Comparison says what two files share.
type Comparison struct {
	Common []Common // by B; every byte of b that a has somewhere is in one
	OnlyA  []Span   // what b has nowhere, by position in a
	OnlyB  []Span   // what a has nowhere, by position in b
	Same   bool     // the files are equal: they play the same, or have the same length and checksum
}

// maxPlayed is how many spans of a file are compared.
const maxPlayed = 1 << 26

// Compare finds what two files share, without playing them. Bytes are the same if they play from the same place of the tape, or from local
// notes, or parts of them, of the same content. So it may be that bytes are equal and not found to be, if they are on the tape twice. Both readers have the same
// dictionary, or versions of it, or none. Only local notes are opened, with what they are coded against.
//
// It takes 40 bytes of memory for each span that plays.
func Compare(ctx context.Context, a, b *Reader) (*Comparison, error) {
	return CompareParts(ctx, a, nil, b, nil)
}

// CompareParts compares parts of two files, each as what they are one after the other; nil is all of a file. Where they are of one length, what plays from different places is
// read to see whether it is the same.
func CompareParts(ctx context.Context, a *Reader, partsA []Span, b *Reader, partsB []Span) (*Comparison, error) {
	fileA, err := a.partsOf(partsA)
	if err != nil {
		return nil, err
	}
	fileB, err := b.partsOf(partsB)
	if err != nil {
		return nil, err
	}
	twins, err := findTwins(ctx, a, b)
	if err != nil {
		return nil, err
	}
	x, err := fileA.placed(ctx, nil)
	if err != nil {
		return nil, err
	}
	y, err := fileB.placed(ctx, twins)
	if err != nil {
		return nil, err
	}
	c := &Comparison{Same: fileA.size() == fileB.size()}
	switch {
	case !c.Same:
	case partsA == nil && partsB == nil:
		c.Same = a.idx.sum == b.idx.sum
	default:
		if c.Same, err = samePlayed(ctx, fileA, x, fileB, y); err != nil {
			return nil, err
		}
	}
	inA, inB := cover(x), cover(y)
	c.OnlyA, c.OnlyB = outside(x, inB), outside(y, inA)
	c.Common = pairUp(x, y, inA)
	return c, nil
}

// samePlayed reports whether two files of one length are equal.
func samePlayed(ctx context.Context, a io.ReaderAt, x []placedRun, b io.ReaderAt, y []placedRun) (bool, error) {
	var bufA, bufB [32 << 10]byte
	same := func(off, n uint64) (bool, error) {
		for n > 0 {
			if err := ctx.Err(); err != nil {
				return false, err
			}
			k := min(n, uint64(len(bufA)))
			if got, err := a.ReadAt(bufA[:k], int64(off)); uint64(got) < k {
				return false, err
			}
			if got, err := b.ReadAt(bufB[:k], int64(off)); uint64(got) < k {
				return false, err
			}
			if !bytes.Equal(bufA[:k], bufB[:k]) {
				return false, nil
			}
			off, n = off+k, n-k
		}
		return true, nil
	}
	for off := uint64(0); len(x) > 0 && len(y) > 0; {
		endX, endY := x[0].off+x[0].len, y[0].off+y[0].len
		end := min(endX, endY)
		if x[0].from-x[0].off != y[0].from-y[0].off {
			if ok, err := same(off, end-off); !ok || err != nil {
				return false, err
			}
		}
		if off = end; off == endX {
			x = x[1:]
		}
		if off == endY {
			y = y[1:]
		}
	}
	return true, nil
}

// Places of the tape, of a's local tape and of b's have addresses of their own.
const (
	localA = 1 << 61
	localB = 1 << 62
)

// placedRun is a run of a file, and where it plays from.
type placedRun struct {
	off  uint64 // in the file
	from uint64 // address
	len  uint64
}

// placed returns where parts of a file play from, in order. Twins are given for b.
func (p *partsReader) placed(ctx context.Context, twins []Common) ([]placedRun, error) {
	whole, err := p.r.placed(ctx, twins)
	if err != nil || len(p.parts) == 1 && p.parts[0] == (Span{0, uint64(p.r.Size())}) {
		return whole, err
	}
	var runs []placedRun
	var off uint64
	for _, part := range p.parts {
		from, end := part.Pos, part.Pos+part.Len
		i := sort.Search(len(whole), func(i int) bool { return whole[i].off+whole[i].len > from })
		for ; from < end; i++ {
			r := whole[i]
			n := min(r.off+r.len, end) - from
			runs = append(runs, placedRun{off, r.from + from - r.off, n})
			off, from = off+n, from+n
			if len(runs) > maxPlayed {
				return nil, fmt.Errorf("compare: parts of a file play more than %d spans", maxPlayed)
			}
		}
	}
	return runs, nil
}

// placed returns where all of a file plays from, in order. Twins are given for b.
func (r *Reader) placed(ctx context.Context, twins []Common) ([]placedRun, error) {
	base := uint64(localA)
	if twins != nil {
		base = localB
	}
	var runs []placedRun
	var off uint64
	add := func(from, n uint64) {
		if k := len(runs); k > 0 && runs[k-1].from+runs[k-1].len == from {
			runs[k-1].len += n
		} else {
			runs = append(runs, placedRun{off, from, n})
		}
		off += n
	}
	for i := range r.idx.frames {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		fr, err := r.frame(i)
		if err != nil {
			return nil, err
		}
		for walk := (player{s: &fr.score}); ; {
			s, ok := walk.span()
			if !ok {
				break
			}
			if s.code == codeTape {
				add(s.pos, s.len)
			} else {
				eachTwin(twins, s.pos, s.len, func(pos, n uint64, at *Common) {
					if at != nil {
						add(localA+at.A+pos-at.B, n)
					} else {
						add(base+pos, n)
					}
				})
			}
			if len(runs) > maxPlayed {
				return nil, fmt.Errorf("compare: a file plays more than %d spans", maxPlayed)
			}
			if len(runs)%4096 == 0 && ctx.Err() != nil {
				return nil, ctx.Err()
			}
		}
	}
	return runs, nil
}

// eachTwin cuts a span of b's local tape into what has a twin and what has none.
func eachTwin(twins []Common, pos, n uint64, do func(pos, n uint64, twin *Common)) {
	i := sort.Search(len(twins), func(i int) bool { return twins[i].B+twins[i].Len > pos })
	for end := pos + n; pos < end; {
		if i == len(twins) || twins[i].B >= end {
			do(pos, end-pos, nil)
			return
		}
		t := &twins[i]
		if t.B > pos {
			do(pos, t.B-pos, nil)
			pos = t.B
		}
		to := min(end, t.B+t.Len)
		do(pos, to-pos, t)
		pos = to
		i++
	}
}

// localNotes returns the fresh local notes of a file, in order, as spans of its local tape.
func (r *Reader) localNotes(ctx context.Context) ([]Span, error) {
	var notes []Span
	for i, e := range r.idx.frames {
		if e.local == 0 {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		fr, err := r.frame(i)
		if err != nil {
			return nil, err
		}
		for _, s := range fr.score.symbols {
			if s.code == codeFresh {
				notes = append(notes, Span{s.pos, s.len})
			}
		}
	}
	return notes, nil
}

// localBytes appends bytes of the local tape to b.
func (p *playback) localBytes(ctx context.Context, b []byte, s Span) ([]byte, error) {
	return source(func(pos uint64) (uint64, []byte, error) { return p.localAt(ctx, pos, s.Len) }).read(b, s)
}

// twinAnchors is how many anchors of a's local tape are remembered.
const twinAnchors = 1 << 20

// findTwins finds what the local tapes of two files share: whole local notes by their hash, and parts of at least 64 bytes by
// anchors, compared byte by byte. The runs are in the order of b's local tape, not empty, and do not overlap.
func findTwins(ctx context.Context, a, b *Reader) ([]Common, error) {
	notesA, err := a.localNotes(ctx)
	if err != nil {
		return nil, err
	}
	notesB, err := b.localNotes(ctx)
	if err != nil {
		return nil, err
	}
	var size uint64 // of a's local tape
	for _, n := range notesA {
		size = max(size, n.Pos+n.Len)
	}
	mask := gear.Mask(int(max(gear.MinChunk, size/twinAnchors)))
	known := make(map[[sha256.Size]byte]uint64, len(notesA))
	anchors := make(map[uint64]uint64) // hash -> end of its window
	var buf []byte
	for _, n := range notesA {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if buf, err = a.play.localBytes(ctx, buf[:0], n); err != nil {
			return nil, err
		}
		known[sha256.Sum256(buf)] = n.Pos
		eachAnchor(buf, mask, func(h uint64, end int) bool {
			anchors[h] = n.Pos + uint64(end)
			return true
		})
	}
	var start uint64
	var block []byte // the last one that was looked at: of one that is kept on disk, backwards, each byte would be read by itself
	at := func(pos uint64) (uint64, []byte, error) {
		if pos-start < uint64(len(block)) {
			return start, block, nil
		}
		s, err := a.play.stretchAt(ctx, true, pos)
		if err == nil {
			start, block, err = a.play.bytes(ctx, s)
		}
		return start, block, err
	}
	twins := []Common{}
	for _, n := range notesB {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if buf, err = b.play.localBytes(ctx, buf[:0], n); err != nil {
			return nil, err
		}
		if pos, ok := known[sha256.Sum256(buf)]; ok {
			twins = append(twins, Common{pos, n.Pos, n.Len})
			continue
		}
		done := 0 // bytes of buf that are dealt with
		eachAnchor(buf, mask, func(h uint64, end int) bool {
			pos, ok := anchors[h]
			if !ok || end <= done {
				return true
			}
			var before, after int
			if before, err = commonBefore(at, pos, buf[done:end]); err == nil {
				after, err = commonAfter(at, size, pos, buf[end:])
			}
			if before >= gear.Window {
				twins = append(twins, Common{pos - uint64(before), n.Pos + uint64(end-before), uint64(before + after)})
				done = end + after
			}
			return err == nil
		})
		if err != nil {
			return nil, err
		}
	}
	return twins, nil
}

// eachAnchor calls do with each anchor's hash and the end of its window.
func eachAnchor(b []byte, mask uint64, do func(h uint64, end int) bool) {
	var h uint64
	for p := 0; p < len(b); {
		n, hash, ok := gear.Next(h, b[p:], mask)
		p, h = p+n, hash
		if ok && p >= gear.Window && !do(h, p) {
			return
		}
	}
}

// cover returns what the runs play from, as runs that do not overlap, by address; each says one place where it plays.
func cover(runs []placedRun) []placedRun {
	sorted := slices.Clone(runs)
	slices.SortFunc(sorted, func(a, b placedRun) int {
		return cmp.Or(cmp.Compare(a.from, b.from), -cmp.Compare(a.len, b.len), cmp.Compare(a.off, b.off))
	})
	out := sorted[:0]
	var end uint64 // of what is covered
	for _, r := range sorted {
		if r.from+r.len <= end {
			continue
		}
		if skip := end - min(end, r.from); skip > 0 {
			r = placedRun{r.off + skip, r.from + skip, r.len - skip}
		}
		end = r.from + r.len
		out = append(out, r)
	}
	return out
}

// coverAt returns the run of a cover that holds an address, or that begins next; nil if there is none.
func coverAt(in []placedRun, from uint64) *placedRun {
	i := sort.Search(len(in), func(i int) bool { return in[i].from+in[i].len > from })
	if i == len(in) {
		return nil
	}
	return &in[i]
}

// outside returns those bytes of a file that play from nowhere in the cover, as ranges of the file.
func outside(runs, in []placedRun) []Span {
	spans := []Span{}
	add := func(pos, n uint64) {
		if k := len(spans); k > 0 && spans[k-1].Pos+spans[k-1].Len == pos {
			spans[k-1].Len += n
		} else if n > 0 {
			spans = append(spans, Span{pos, n})
		}
	}
	for _, r := range runs {
		for r.len > 0 {
			c := coverAt(in, r.from)
			n := r.len
			if c != nil && c.from <= r.from {
				n = min(n, c.from+c.len-r.from)
			} else {
				if c != nil {
					n = min(n, c.from-r.from)
				}
				add(r.off, n)
			}
			r = placedRun{r.off + n, r.from + n, r.len - n}
		}
	}
	return spans
}

// resync is how many runs of a are looked at to find where it goes on as b does.
const resync = 32

// pairUp finds for each byte of y that x has somewhere a place in x where it plays: where x goes on if it can, else any.
func pairUp(x, y, inX []placedRun) []Common {
	common := []Common{}
	next, off := 0, uint64(0) // the run of x that is expected, and how much of it has passed
	for _, r := range y {
		for r.len > 0 {
			var c placedRun // of x, and holds r.from
			found := false
			for i := next; i < min(next+resync, len(x)) && !found; i++ {
				if found = x[i].from <= r.from && r.from < x[i].from+x[i].len; found && (i > next || r.from-x[i].from >= off) {
					next, c = i, x[i]
				} else {
					found = false
				}
			}
			if !found {
				p := coverAt(inX, r.from)
				if p == nil || p.from > r.from {
					n := r.len
					if p != nil {
						n = min(n, p.from-r.from)
					}
					r = placedRun{r.off + n, r.from + n, r.len - n}
					continue
				}
				c = *p
				// Go on from there.
				next = sort.Search(len(x), func(i int) bool { return x[i].off+x[i].len > c.off })
			}
			n := min(r.len, c.from+c.len-r.from)
			a := c.off + r.from - c.from
			if k := len(common); k > 0 && common[k-1].A+common[k-1].Len == a && common[k-1].B+common[k-1].Len == r.off {
				common[k-1].Len += n
			} else {
				common = append(common, Common{a, r.off, n})
			}
			off = a + n - x[next].off
			if off >= x[next].len {
				next, off = next+1, 0
			}
			r = placedRun{r.off + n, r.from + n, r.len - n}
		}
	}
	return common
}

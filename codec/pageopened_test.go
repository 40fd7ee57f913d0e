package codec

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"io"
	"os"
	"slices"
	"testing"

	"dictnet/codec/internal/align"
	"dictnet/codec/internal/deflate"
)

// docs/format.md, section 4.13, read a second time. What is inflated, package compress/flate of the standard library inflates.

type pageDeflated struct {
	at, n  int
	holds  []byte
	recipe []byte
}

// pageInflated are those of a reference.
func pageInflated(b []byte) (streams []pageDeflated) {
	work, room := 1<<23, max(min(1<<21, 1<<23-len(b)), 0)
	u16 := func(i int) int { return int(binary.LittleEndian.Uint16(b[i:])) }
	for i := 0; i+4 <= len(b); i++ {
		k := 0
		switch {
		case b[i] == 0x1f && b[i+1] == 0x8b && b[i+2] == 8 && b[i+3] < 0x20:
			f := b[i+3]
			k = 10
			if f&4 != 0 {
				k += 2 + u16(i+10)
			}
			for _, bit := range []byte{8, 16} {
				if f&bit != 0 {
					k += bytes.IndexByte(b[i+k:], 0) + 1
				}
			}
			if f&2 != 0 {
				k += 2
			}
		case string(b[i:i+4]) == "PK\x03\x04" && i+30 < len(b) && u16(i+8) == 8:
			k = 30 + u16(i+26) + u16(i+28)
		case b[i] == 0x78 && b[i+1]&0x20 == 0 && (0x7800+int(b[i+1]))%31 == 0:
			k = 2
		}
		if k == 0 || i+k >= len(b) {
			continue
		}
		if work -= 1024; work < 0 {
			break
		}
		in := bytes.NewReader(b[i+k : min(i+k+1<<20, len(b))])
		most := min(work, room)
		before := in.Len()
		holds, err := io.ReadAll(io.LimitReader(flate.NewReader(in), int64(most)+1))
		work -= min(len(holds), most)
		n := before - in.Len()
		if err != nil || len(holds) > most || n < 64 {
			continue
		}
		room -= len(holds)
		streams = append(streams, pageDeflated{at: i + k, n: n, holds: holds})
		i += k + n - 1
	}
	return streams
}

func pageMoved(streams []pageDeflated, x int) (place, behind int) {
	place = x
	for _, s := range streams {
		if s.at < x && x < s.at+s.n {
			return place - (x - s.at), x - s.at
		}
		if s.at+s.n <= x {
			place += len(s.holds) - s.n
		}
	}
	return place, 0
}

func pageOpen(b []byte, streams []pageDeflated) (out []byte) {
	at := 0
	for _, s := range streams {
		out = append(append(out, b[at:s.at]...), s.holds...)
		at = s.at + s.n
	}
	return append(out, b[at:]...)
}

// readPageOpened reads a block of n bytes, as expand reads what is opened.
func readPageOpened(n int, data, ref []byte, hints []align.Hint, expand func(n int, data, ref []byte, hints []align.Hint) []byte) (raw []byte) {
	b := pageBytes(data)
	var streams []pageDeflated
	count := b.varint()
	pageCheck(1 <= count && count <= uint64(n/64) && len(ref) <= 1<<22)
	end, held := 0, 0
	for range count {
		at, length, holds := end+int(b.varint()), int(b.varint()), int(b.varint())
		s := pageDeflated{at: at, n: length, holds: make([]byte, holds), recipe: b.take(b.varint())}
		end, held = at+length, held+holds
		pageCheck(64 <= length && length <= 1<<20 && holds > 0 && held <= 1<<21 && end <= n)
		streams = append(streams, s)
	}
	all := pageInflated(ref)
	replaces := make([]int, len(streams)) // by its begin, or -1
	var used []pageDeflated
	for i, s := range streams {
		replaces[i] = -1
		for _, h := range hints {
			if h.At > s.at {
				break
			}
			replaces[i] = -1
			least := 1 << 30
			for _, t := range all {
				if d := max(t.at-(h.Ref+s.at-h.At), h.Ref+s.at-h.At-t.at); d < least {
					least, replaces[i] = d, t.at
				}
			}
		}
	}
	for _, t := range all {
		if slices.Contains(replaces, t.at) {
			used = append(used, t)
		}
	}
	var opened []align.Hint
	add := func(h align.Hint, x, y, z int) {
		at, inside := pageMoved(streams, x)
		place, behind := pageMoved(used, y)
		piece, _ := pageMoved(used, z)
		if inside == 0 && (len(opened) == 0 || opened[len(opened)-1].At < at) {
			opened = append(opened, align.Hint{At: at, Ref: place, RefLo: piece, File: h.File + uint64(x-h.At), Tape: h.Tape + uint64(y-h.Ref-behind)})
		}
	}
	for k, h := range hints {
		next := n
		if k+1 < len(hints) {
			next = hints[k+1].At
		}
		add(h, h.At, h.Ref, h.RefLo)
		for i, s := range streams {
			if s.at < h.At || s.at >= next || replaces[i] < 0 {
				continue
			}
			t := used[slices.IndexFunc(used, func(t pageDeflated) bool { return t.at == replaces[i] })]
			add(h, s.at, t.at, t.at)
			if s.at+s.n < next && t.at+t.n < len(ref) {
				add(h, s.at+s.n, t.at+t.n, t.at+t.n)
			}
		}
	}
	total := n
	for _, s := range streams {
		total += len(s.holds) - s.n
	}
	pageCheck(total <= 1<<23)
	inner := expand(total, b, pageOpen(ref, used), opened)
	at := 0
	for _, s := range streams {
		raw = append(raw, inner[:s.at-at]...)
		inner = inner[s.at-at:]
		closed := pageClose(inner[:len(s.holds)], s.recipe)
		pageCheck(len(closed) == s.n)
		raw = append(raw, closed...)
		inner, at = inner[len(s.holds):], s.at+s.n
	}
	return append(raw, inner...)
}

type pageToken struct{ n, d int }

// pageClose is zlib.
func pageClose(b, recipe []byte) []byte {
	r := pageBytes(recipe)
	level := int(r.take(1)[0])
	pageCheck(1 <= level && level <= 9)
	lines := [][4]int{{4, 4, 8, 4}, {4, 5, 16, 8}, {4, 6, 32, 32}, {4, 4, 16, 16}, {8, 16, 32, 32}, {8, 16, 128, 128}, {8, 32, 128, 256}, {32, 128, 258, 1024}, {32, 258, 258, 4096}}
	good, lazy, nice, chain := lines[level-1][0], lines[level-1][1], lines[level-1][2], lines[level-1][3]
	var kinds, counts []int
	for range r.varint() {
		v := int(r.varint())
		kinds, counts = append(kinds, v&3), append(counts, v>>2)
	}
	exceptions := map[int]pageToken{} // by the number of the token
	number := 0
	for range r.varint() {
		number += int(r.varint())
		t := pageToken{n: int(r.varint())}
		if t.n > 0 {
			t.d = int(r.varint())
		}
		exceptions[number] = t
		number++
	}
	pageCheck(len(r) == 0)
	hash := func(j int) int { return (int(b[j])<<10 ^ int(b[j+1])<<5 ^ int(b[j+2])) % (1 << 15) }
	head, prev := map[int]int{}, map[int]int{}
	keep := func(j int) {
		if j+3 <= len(b) {
			if p, ok := head[hash(j)]; ok {
				prev[j] = p
			}
			head[hash(j)] = j
		}
	}
	latest := func(j int) int {
		if j+3 <= len(b) {
			if p, ok := head[hash(j)]; ok {
				return p
			}
		}
		return -1
	}
	longest := func(i, p, m int) (best pageToken) {
		q, left := min(258, len(b)-i), chain
		if m >= good {
			left = chain / 4
		}
		if p <= 0 || i-p > 32506 {
			return best
		}
		for {
			n := 0
			for n < q && b[p+n] == b[i+n] {
				n++
			}
			if n > max(m, best.n) {
				if best = (pageToken{n, i - p}); n >= min(nice, q) {
					return best
				}
			}
			next, ok := prev[p]
			if left--; !ok || left == 0 || next <= max(i-32506, 0) {
				return best
			}
			p = next
		}
	}
	worth := func(i, p, m int) pageToken {
		if t := longest(i, p, m); t.n != 3 || t.d <= 4096 {
			return t
		}
		return pageToken{}
	}
	var out pageBitWriter
	putOff := map[int]pageToken{}
	i, made := 0, 0
	for k, kind := range kinds {
		begin := i
		var tokens []pageToken
		for range counts[k] {
			pageCheck(i < len(b))
			if kind == 0 {
				keep(i)
				i++
				continue
			}
			p := latest(i)
			keep(i)
			var t pageToken
			if level <= 3 {
				t = longest(i, p, 2)
			} else {
				var ok bool
				if t, ok = putOff[i]; !ok {
					t = worth(i, p, 2)
				}
				if t.n > 0 && t.n < lazy && i+4 <= len(b) {
					if u := worth(i+1, latest(i+1), t.n); u.n > 0 {
						putOff[i+1] = u
						t = pageToken{}
					}
				}
			}
			if x, ok := exceptions[made]; ok {
				t = x
			}
			made++
			tokens = append(tokens, t)
			if level > 3 || t.n <= lazy {
				for j := i + 1; j < i+t.n; j++ {
					keep(j)
				}
			}
			i += max(t.n, 1)
		}
		out.bits(int(pageBit(k == len(kinds)-1)), 1)
		out.bits(kind, 2)
		lits, dists := make([]int, 288), make([]int, 30)
		switch kind {
		case 0:
			out.align()
			out.bits(i-begin, 16)
			out.bits(^(i-begin)&0xffff, 16)
			out.b = append(out.b, b[begin:i]...)
			continue
		case 1:
			for s := range lits {
				lits[s] = 8
				if s >= 144 && s < 256 {
					lits[s] = 9
				} else if s >= 256 && s < 280 {
					lits[s] = 7
				}
			}
			for s := range dists {
				dists[s] = 5
			}
		case 2:
			lits, dists = out.header(b[begin:i], tokens)
		}
		lit, dist := pageCodes(lits), pageCodes(dists)
		at := begin
		for _, t := range tokens {
			if t.n == 0 {
				out.code(lit, lits, int(b[at]))
				at++
				continue
			}
			c, extra, bits := pageLength(t.n)
			out.code(lit, lits, 257+c)
			out.bits(extra, bits)
			c, extra, bits = pageDistance(t.d)
			out.code(dist, dists, c)
			out.bits(extra, bits)
			at += t.n
		}
		out.code(lit, lits, 256)
	}
	pageCheck(i == len(b))
	out.align()
	return out.b
}

func pageBit(b bool) uint32 {
	if b {
		return 1
	}
	return 0
}

// pageLength and pageDistance are of RFC 1951, section 3.2.5.
func pageLength(n int) (code, extra, bits int) {
	if n == 258 {
		return 28, 0, 0
	}
	if n < 11 {
		return n - 3, 0, 0
	}
	for bits = 1; n-3 >= 8<<bits; bits++ {
	}
	return 4 + 4*bits + (n-3)>>bits&3, (n - 3) & (1<<bits - 1), bits
}

func pageDistance(d int) (code, extra, bits int) {
	if d < 5 {
		return d - 1, 0, 0
	}
	for bits = 1; d-1 >= 4<<bits; bits++ {
	}
	return 2 + 2*bits + (d-1)>>bits&1, (d - 1) & (1<<bits - 1), bits
}

type pageBitWriter struct {
	b []byte
	n int // bits of the last byte that are used, 0 if all are
}

func (w *pageBitWriter) bits(v, n int) {
	for k := range n {
		if w.n == 0 {
			w.b = append(w.b, 0)
		}
		w.b[len(w.b)-1] |= byte(v>>k&1) << w.n
		w.n = (w.n + 1) % 8
	}
}

func (w *pageBitWriter) align() { w.n = 0 }

func (w *pageBitWriter) code(codes, lens []int, s int) {
	for k := lens[s] - 1; k >= 0; k-- {
		w.bits(codes[s]>>k&1, 1)
	}
}

// pageCodes are those of RFC 1951, section 3.2.2.
func pageCodes(lens []int) []int {
	codes, code := make([]int, len(lens)), 0
	for n := 1; n <= 15; n++ {
		for s, l := range lens {
			if l == n {
				codes[s] = code
				code++
			}
		}
		code <<= 1
	}
	return codes
}

// header writes the codes of a block of kind 2.
func (w *pageBitWriter) header(b []byte, tokens []pageToken) (lits, dists []int) {
	l, d := make([]int, 286), make([]int, 30)
	l[256] = 1
	at := 0
	for _, t := range tokens {
		if t.n == 0 {
			l[b[at]]++
			at++
			continue
		}
		c, _, _ := pageLength(t.n)
		l[257+c]++
		c, _, _ = pageDistance(t.d)
		d[c]++
		at += t.n
	}
	lits, dists = pageLens(l, 15), pageLens(d, 15)
	last := func(lens []int) int {
		n := len(lens)
		for lens[n-1] == 0 {
			n--
		}
		return n
	}
	hlit, hdist := last(lits), last(dists)
	type said struct{ code, extra, bits int }
	var all []said
	for _, lens := range [][]int{lits[:hlit], dists[:hdist]} {
		for len(lens) > 0 {
			v, n := lens[0], 1
			for n < len(lens) && lens[n] == v {
				n++
			}
			lens = lens[n:]
			if v == 0 {
				for n >= 11 {
					k := min(n, 138)
					all = append(all, said{18, k - 11, 7})
					n -= k
				}
				if n >= 3 {
					all = append(all, said{17, n - 3, 3})
					n = 0
				}
			} else {
				all = append(all, said{v, 0, 0})
				for n--; n >= 3; {
					k := min(n, 6)
					all = append(all, said{16, k - 3, 2})
					n -= k
				}
			}
			for range n {
				all = append(all, said{v, 0, 0})
			}
		}
	}
	count := make([]int, 19)
	for _, s := range all {
		count[s.code]++
	}
	lens := pageLens(count, 7)
	order := []int{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}
	n := 19
	for n > 4 && lens[order[n-1]] == 0 {
		n--
	}
	w.bits(hlit-257, 5)
	w.bits(hdist-1, 5)
	w.bits(n-4, 4)
	for _, s := range order[:n] {
		w.bits(lens[s], 3)
	}
	codes := pageCodes(lens)
	for _, s := range all {
		w.code(codes, lens, s.code)
		w.bits(s.extra, s.bits)
	}
	return append(lits, 0, 0), dists
}

type pageNode struct {
	count, depth, length int
	parent               *pageNode
	symbol               int // or -1
}

// pageLens are the lengths of codes.
func pageLens(counts []int, most int) []int {
	h := []*pageNode{nil}
	last := -1
	for s, c := range counts {
		if c > 0 {
			h = append(h, &pageNode{count: c, symbol: s})
			last = s
		}
	}
	for len(h) < 3 {
		s := 0
		if last < 2 {
			last++
			s = last
		}
		h = append(h, &pageNode{count: 1, symbol: s})
	}
	before := func(x, y *pageNode) bool { return x.count < y.count || x.count == y.count && x.depth <= y.depth }
	sift := func(k int) {
		v := h[k]
		for 2*k < len(h) {
			j := 2 * k
			if j+1 < len(h) && before(h[j+1], h[j]) {
				j++
			}
			if before(v, h[j]) {
				break
			}
			h[k] = h[j]
			k = j
		}
		h[k] = v
	}
	for k := (len(h) - 1) / 2; k > 0; k-- {
		sift(k)
	}
	var order []*pageNode
	for len(h) > 2 {
		a := h[1]
		h[1] = h[len(h)-1]
		h = h[:len(h)-1]
		sift(1)
		b := h[1]
		order = append(order, a, b)
		h[1] = &pageNode{count: a.count + b.count, depth: 1 + max(a.depth, b.depth), symbol: -1}
		a.parent, b.parent = h[1], h[1]
		sift(1)
	}
	lens, c, over := make([]int, len(counts)), make([]int, most+1), 0
	for _, x := range slices.Backward(order) {
		if x.length = x.parent.length + 1; x.length > most {
			x.length = most
			over++
		}
		if x.symbol >= 0 {
			lens[x.symbol] = x.length
			c[x.length]++
		}
	}
	if over == 0 {
		return lens
	}
	for ; over > 0; over -= 2 {
		l := most - 1
		for c[l] == 0 {
			l--
		}
		c[l]--
		c[l+1] += 2
		c[most]--
	}
	l := most
	for _, x := range order {
		if x.symbol < 0 {
			continue
		}
		for c[l] == 0 {
			l--
		}
		lens[x.symbol] = l
		c[l]--
	}
	return lens
}

// compressed are the streams of a file of package deflate, each behind a header of zlib.
func compressed(t testing.TB, name string) (streams [][]byte) {
	b, err := os.ReadFile("internal/deflate/testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range deflate.Find(b, deflate.MaxRaw) {
		streams = append(streams, append([]byte{0x78, 0x9c}, b[s.At:s.At+s.Len]...))
	}
	return streams
}

func TestPageOfOpenedBlocks(t *testing.T) {
	old, err := os.ReadFile("internal/deflate/testdata/streams")
	if err != nil {
		t.Fatal(err)
	}
	now, err := os.ReadFile("internal/deflate/testdata/next") // the same, of texts that were edited
	if err != nil {
		t.Fatal(err)
	}
	for name, hints := range map[string][]align.Hint{
		"one hint":    {{File: 1 << 20, Tape: 3 << 20}},
		"several":     {{At: 0, Ref: 40, RefLo: 10, File: 1 << 20, Tape: 1 << 21}, {At: 3000, Ref: 3100, RefLo: 3050, File: 1 << 21, Tape: 1 << 22}, {At: 20000, Ref: 19000, RefLo: 10, File: 1 << 22, Tape: 1 << 23}, {At: 40000, Ref: len(old) - 5}},
		"not one":     nil,
		"behind some": {{At: 20000, Ref: 20000}},
	} {
		if flipped == 1 && name != "several" {
			continue // the race detector takes its time
		}
		for _, c := range []coding{codingAligned, codingMixed} {
			old, now := old, now
			if c == codingMixed || flipped == 1 { // it takes its time, too
				old, now = old[:9000], now[:9000]
			}
			o := counterpart{old, &reference{hints: slices.DeleteFunc(slices.Clone(hints), func(h align.Hint) bool { return h.At >= len(now) || h.Ref >= len(old) })}}
			as, data, err := pack(t.Context(), c, now, o)
			if err != nil || as < codingOpenedAligned {
				t.Fatalf("%s: %v, %v", name, as, err)
			}
			got, err := unpack(t.Context(), as, data, len(now), o, nil)
			if err != nil || !bytes.Equal(got, now) {
				t.Errorf("%s, %v: %d bytes agree, %v", name, as, commonPrefix(got, now), err)
			}
			if second := pageExpand(int(as), len(now), data, old, o.ref.hints); !bytes.Equal(second, now) {
				t.Errorf("%s, %v: %d bytes agree by the second reader", name, as, commonPrefix(second, now))
			}
			t.Logf("%s, %v: %d bytes take %d", name, as, len(now), len(data))
		}
	}
}

package deflate

import "slices"

// writer writes bits, the lowest of a byte first.
type writer struct {
	out  []byte
	bits uint64
	n    uint
}

// put writes the low n bits of v, up to 32; v has no others.
func (w *writer) put(v int, n uint) {
	w.bits |= uint64(v) << w.n
	for w.n += n; w.n >= 8; w.n -= 8 {
		w.out = append(w.out, byte(w.bits))
		w.bits >>= 8
	}
}

// flush fills up the last byte.
func (w *writer) flush() {
	if w.n > 0 {
		w.put(0, 8-w.n)
	}
}

// stored writes a block that is stored as it is.
func (w *writer) stored(raw []byte) {
	w.flush()
	w.put(len(raw), 16)
	w.put(len(raw)^0xffff, 16)
	w.out = append(w.out, raw...)
}

// fixed writes the tokens of a block by the codes that are agreed.
func (w *writer) fixed(raw []byte, tokens []token) {
	w.coded(raw, tokens, fixedLens[:288], fixedLens[288:])
}

// coded writes the tokens of a block, which stand for raw, by codes of such lengths.
func (w *writer) coded(raw []byte, tokens []token, lits, dists []uint8) {
	lit, dist := prefixCodes(lits), prefixCodes(dists)
	for _, t := range tokens {
		if t.length == 0 {
			w.put(int(lit[raw[0]]), uint(lits[raw[0]]))
			raw = raw[1:]
			continue
		}
		c := int(lengthCode[t.length])
		w.put(int(lit[endOfBlock+1+c]), uint(lits[endOfBlock+1+c]))
		w.put(int(t.length)-lengths[c].base, lengths[c].bits)
		d := distanceCode(int(t.distance))
		w.put(int(dist[d]), uint(dists[d]))
		w.put(int(t.distance)-distances[d].base, distances[d].bits)
		raw = raw[t.length:]
	}
	w.put(int(lit[endOfBlock]), uint(lits[endOfBlock]))
}

// dynamic writes the tokens of a block, which stand for raw, behind the codes that zlib would make for them.
func (w *writer) dynamic(raw []byte, tokens []token) {
	var litCount [litCodes]int
	var distCount [distCodes]int
	litCount[endOfBlock] = 1
	rest := raw
	for _, t := range tokens {
		if t.length == 0 {
			litCount[rest[0]]++
			rest = rest[1:]
			continue
		}
		litCount[endOfBlock+1+int(lengthCode[t.length])]++
		distCount[distanceCode(int(t.distance))]++
		rest = rest[t.length:]
	}
	lits, nLits := codeLens(litCount[:], mostBits)
	dists, nDists := codeLens(distCount[:], mostBits)
	said := slices.Concat(sayLens(lits[:nLits]), sayLens(dists[:nDists]))
	var count [19]int
	for _, s := range said {
		count[s.code]++
	}
	lens, _ := codeLens(count[:], 7)
	n := len(lengthOrder)
	for n > 4 && lens[lengthOrder[n-1]] == 0 {
		n--
	}
	w.put(nLits-257, 5)
	w.put(nDists-1, 5)
	w.put(n-4, 4)
	for _, k := range lengthOrder[:n] {
		w.put(int(lens[k]), 3)
	}
	codes := prefixCodes(lens)
	for _, s := range said {
		w.put(int(codes[s.code]), uint(lens[s.code]))
		w.put(s.more, s.bits)
	}
	w.coded(raw, tokens, lits, dists)
}

// saidLen is a code by which a length of a code, or a run of some, is said, and what follows it.
type saidLen struct {
	code, more int
	bits       uint
}

// sayLens says lengths as zlib does (its scan_tree): runs of equal ones at once.
func sayLens(lens []uint8) (said []saidLen) {
	for i := 0; i < len(lens); {
		v, n := lens[i], 1
		for i+n < len(lens) && lens[i+n] == v {
			n++
		}
		i += n
		if v == 0 {
			for ; n >= 11; n -= min(n, 138) {
				said = append(said, saidLen{18, min(n, 138) - 11, 7})
			}
			if n >= 3 {
				said = append(said, saidLen{17, n - 3, 3})
				n = 0
			}
		} else {
			said = append(said, saidLen{int(v), 0, 0})
			n--
			for ; n >= 3; n -= min(n, 6) {
				said = append(said, saidLen{16, min(n, 6) - 3, 2})
			}
		}
		for range n {
			said = append(said, saidLen{int(v), 0, 0})
		}
	}
	return said
}

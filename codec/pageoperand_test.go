package codec

// pageOperand is one of docs/format.md, section 4.12.
type pageOperand struct {
	kind         string
	place, shift uint32
	v            uint32
	skip         int
	scale        uint32
}

// pageTwos takes the lower bits of n for a signed number.
func pageTwos(n uint32, bits int) uint32 {
	n &= 1<<bits - 1
	if n>>(bits-1) == 1 {
		n -= 1 << bits
	}
	return n
}

func pagePages(v uint32) uint32 { return 4*pageTwos(v>>5, 19) + v>>29&3 }

func pageOperandAt(ref []byte, p int, tape, file uint32) (o pageOperand, ok bool) {
	v := pageNumberAt(ref, p)
	switch {
	case file%4 == 0 && v>>26&31 == 5:
		return pageOperand{kind: "words", place: tape + 4*pageTwos(v, 26), shift: file - tape, v: v}, true
	case file%4 == 0 && v&0x9f000000 == 0x90000000:
		return pageOperand{kind: "pages", place: 3<<30 + tape/4096 + pagePages(v), v: v}, true
	case file%4 != 1 || p == 0:
		return o, false
	}
	o = pageOperand{kind: "in a page", v: pageNumberAt(ref, p-1), skip: 1}
	if o.v&0x7fc00000 != 0x11000000 {
		if o.v&0x3b000000 != 0x39000000 {
			return o, false
		}
		o.scale = o.v >> 30
	}
	for k := 1; k <= 8 && p-1-4*k >= 0; k++ {
		if u := pageNumberAt(ref, p-1-4*k); u&0x9f00001f == 0x90000000+o.v>>5&31 {
			page := (tape-1-4*uint32(k))/4096 + pagePages(u)
			o.place = 1<<31 + (4096*page+o.v>>10&4095<<o.scale)%(1<<30)
			return o, true
		}
	}
	return o, false
}

// further says how much further what stands at a byte of raw is; at most 2^24 either way.
func (o pageOperand) further(raw []byte, at int) (by int32, ok bool) {
	if at < o.skip {
		return 0, false
	}
	w := pageNumberAt(raw, at-o.skip)
	var n, other uint32
	switch o.kind {
	case "words":
		n, other = 4*pageTwos(w-o.v, 26)+o.shift, (w^o.v)>>26
	case "pages":
		n, other = pageTwos(pagePages(w)-pagePages(o.v), 21), (w^o.v)&0x9f00001f
	default:
		n, other = (w>>10-o.v>>10)%4096<<o.scale, (w^o.v)&^(4095<<10)
	}
	by = int32(n)
	return by, other == 0 && -1<<24 <= by && by <= 1<<24
}

// moved returns old, value and last of what is further by that much.
func (o pageOperand) moved(by uint32) (old, value uint32, last int, ok bool) {
	value = o.v
	switch o.kind {
	case "words":
		d := by - o.shift
		ok = d%4 == 0
		value = value>>26<<26 + (value+uint32(int32(d)/4))%(1<<26)
	case "pages":
		n := pagePages(o.v) + by
		ok = true
		value = value&0x9f00001f + n%4<<29 + n/4%(1<<19)<<5
	default:
		ok = by%(1<<o.scale) == 0
		value = value&^(4095<<10) + (value>>10+by>>o.scale)%4096<<10
	}
	return o.v >> (8 * o.skip), value >> (8 * o.skip), 3 - o.skip, ok
}

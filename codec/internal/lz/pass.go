package lz

import (
	"dictnet/codec/internal/align"
	"dictnet/codec/internal/rans"
)

// passes are the bytes that are as good as certain to be the aligned ones: nothing is said of them one by one, but how many pass until one is another. A
// writer knows these numbers only behind what they tell of, so they have a stream of their own.
type passes struct {
	enc    rans.Encoder
	dec    rans.Decoder
	number rans.Int
	left   int // in a writer: how many have passed since one was another
}

// passCost is what such a byte is taken to cost that is another one, in units of 1/32 bit.
const passCost = 9 * 32

// next reads how many pass; from hostile data may come 2^40.
func (p *passes) next() { p.left = int(min(p.dec.Int(&p.number), 1<<40)) }

// say writes how many have passed.
func (p *passes) say() {
	p.enc.Int(&p.number, uint64(p.left))
	p.left = 0
}

// pass codes whether a byte is the aligned one that is sure to be.
func (m *model) pass(is bool) bool {
	p := &m.passes
	if m.enc == nil {
		if p.left == 0 {
			p.next()
			return false
		}
		p.left--
		return true
	}
	if !is {
		p.say()
		m.cost += passCost
		return false
	}
	p.left++
	return true
}

// sure reports whether the next byte is as good as certain to be the aligned one, e: where the same stood before and it nearly always was, or, if
// that has never been asked, after many that were.
func (m *model) sure(e uint32) bool {
	h := m.context(e)
	return m.unsure.at(h) == 0 && (m.age >= seasoned && m.hist == 0 || m.equal[h] != 0)
}

// context is where equal has the next byte.
func (m *model) context(e uint32) uint32 {
	return hash32(uint64(m.c1|m.c2<<8|e<<16|m.hist&3<<24), equalBits)
}

// judge says anew whether a context is one of bytes that are sure.
func (m *model) judge(context uint32) {
	m.unsure.set(context, b2u(m.equal[context].One() < certain))
}

// bitmap has a bit for each context of equal: tables that are asked for each byte should be small.
type bitmap [1 << equalBits / 64]uint64

func (b *bitmap) at(i uint32) uint64 { return b[i/64] >> (i % 64) & 1 }

func (b *bitmap) set(i, bit uint32) {
	b[i/64] = b[i/64]&^(1<<(i%64)) | uint64(bit)<<(i%64)
}

// skim codes bytes that pass, up to end, as long as each is sure in its context, and neither a number of digits nor one that holds a place may begin with it. It
// does just what run does, for many bytes at once: most bytes of most blocks go this way.
func (m *model) skim(end int) {
	if m.hist&3 != 0 || m.decimal.Inside || m.known && m.watch&15 != 0 || m.fields[0].right|m.fields[1].right != 0 {
		return
	}
	if len(m.hints) > 0 {
		end = min(end, m.hints[0].At)
	}
	reads := m.enc == nil
	n := min(end-m.i, len(m.src)-m.sp)
	if reads {
		n = min(n, m.passes.left)
	}
	if n <= 0 {
		return
	}
	places := uint8(0)
	if m.known {
		places = 0xff
	}
	young := m.hist != 0 || m.age < seasoned
	unsure, begins := &m.unsure, &m.begins
	last, c3 := m.c1|m.c2<<8, m.c3
	src, dst := m.src[m.sp:][:n], m.raw[m.i:][:n]
	k := 0
	for ; k < len(src) && k < len(dst); k++ {
		e := uint32(src[k])
		h := hash32(uint64(last&0xffff|e<<16), equalBits)
		if unsure.at(h) != 0 || young && m.equal[h] == 0 || begins[last&0xffff]&places != 0 ||
			align.IsDigit(src[k]) && !align.IsDigit(byte(last)) {
			break
		}
		if reads {
			dst[k] = src[k]
		} else if dst[k] != src[k] {
			break
		}
		c3 = last >> 8 & 0xff
		last = last<<8 | e
	}
	if reads {
		m.passes.left -= k
	} else {
		m.passes.left += k
		m.prices.passed(m, k)
	}
	m.c1, m.c2, m.c3 = last&0xff, last>>8&0xff, c3
	m.i += k
	m.sp += k
	m.age += uint32(k)
	m.hist <<= min(k, 32)
	m.watch <<= min(k, 32)
}

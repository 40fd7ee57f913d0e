package unzstd

import (
	"encoding/binary"
	"math/bits"
)

// sequence says how many literals to take, and then how many bytes to copy from where.
type sequence struct {
	fresh, copied uint32
	offset        uint32 // 1 to 3: of recent ones (RFC 8878, section 3.1.1.5); else 3 more than the offset
}

// batch is how many sequences are read before they are played: the two take turns so that each can keep what it works with in registers.
const batch = 512

// sequences reads count sequences, literals being there, from the bit stream frame[start:] and plays them to out[done:]. It returns where
// out ends then, at most limit.
func (d *decoder) sequences(out []byte, done, limit int, frame []byte, start, literals, count int) (end int, ok bool) {
	s, ok := d.stream(frame, start)
	if !ok {
		return 0, false
	}
	p := player{room: out[: limit+Slack : limit+Slack], done: done, literals: d.literals[: literals+Slack : literals+Slack]}
	for count > 0 {
		some := d.batch[:min(count, batch)]
		count -= len(some)
		if !s.read(some, &d.tables, count == 0) || !p.play(some, &d.recent) {
			return 0, false
		}
	}
	rest := d.literals[p.lit:literals]
	if s.left() != 0 || len(rest) > limit-p.done {
		return 0, false
	}
	return p.done + copy(p.room[p.done:], rest), true
}

// stream is a bit stream that is read backwards, and the states that it leads through.
type stream struct {
	bytes      []byte // 8 bytes before the stream, and the stream
	pos        int    // of 8 bytes
	used       uint   // bits of them, from the highest, that have been read
	ll, of, ml uint   // states
}

// stream opens the bit stream frame[start:] and reads the first states (RFC 8878, section 3.1.1.3.2.1.2).
func (d *decoder) stream(frame []byte, start int) (s stream, ok bool) {
	if start == len(frame) || start < streamMargin || frame[len(frame)-1] == 0 {
		return s, false
	}
	s = stream{bytes: frame[start-streamMargin:], pos: len(frame) - start, used: uint(bits.LeadingZeros8(frame[len(frame)-1])) + 1}
	word := binary.LittleEndian.Uint64(s.bytes[s.pos:])
	for i, to := range []*uint{&s.ll, &s.of, &s.ml} {
		n := uint(d.tables[i].accuracy)
		*to = uint(word << s.used >> 1 >> (63 - n))
		s.used += n
	}
	return s, true
}

// left is how many bits have not been read; negative if too many were.
func (s *stream) left() int { return 8*s.pos - int(s.used) }

// masks are the lowest so many bits.
var masks = func() (m [64]uint64) {
	for n := range m {
		m[n] = 1<<n - 1
	}
	return m
}()

// read reads sequences; final says that they are the last ones, behind which no states follow.
func (s *stream) read(to []sequence, tables *[3]table, final bool) bool {
	const mask = 1<<maxAccuracy - 1
	b, pos, used := s.bytes, s.pos, s.used
	lls, ofs, mls := uint64(s.ll), uint64(s.of), uint64(s.ml)
	var all uint // bits of the last states
	for i := range to {
		pos -= int(used >> 3)
		used &= 7
		if pos < 0 {
			return false
		}
		word := binary.LittleEndian.Uint64(b[pos : pos+8 : pos+8])
		l, o, m := tables[0].states[lls&mask], tables[1].states[ofs&mask], tables[2].states[mls&mask]

		// 24 + 16 + 16 bits at most, of 57. What was used last comes to lie lowest.
		n := uint(o >> 8 & 0xff)
		used += n
		t := &to[i]
		t.offset = uint32(o>>32) + uint32(bits.RotateLeft64(word, int(used))&masks[n&63])
		t.copied, t.fresh = uint32(m>>32), uint32(l>>32)
		if (l|m)&0xff00 != 0 {
			n = uint(m >> 8 & 0xff)
			used += n
			t.copied += uint32(bits.RotateLeft64(word, int(used)) & masks[n&63])
			n = uint(l >> 8 & 0xff)
			used += n
			t.fresh += uint32(bits.RotateLeft64(word, int(used)) & masks[n&63])
		}
		if used > 64-26 {
			pos -= int(used >> 3)
			used &= 7
			if pos < 0 {
				return false
			}
			word = binary.LittleEndian.Uint64(b[pos : pos+8 : pos+8])
		}
		used += uint(l & 0xff)
		lls = uint64(l>>16&0xffff) + bits.RotateLeft64(word, int(used))&masks[l&63]
		used += uint(m & 0xff)
		mls = uint64(m>>16&0xffff) + bits.RotateLeft64(word, int(used))&masks[m&63]
		used += uint(o & 0xff)
		ofs = uint64(o>>16&0xffff) + bits.RotateLeft64(word, int(used))&masks[o&63]
		all = uint((l + m + o) & 0xff)
	}
	if final {
		used -= all // they are not there
	}
	s.pos, s.used = pos, used
	s.ll, s.of, s.ml = uint(lls), uint(ofs), uint(mls)
	return true
}

// player plays sequences. Copies go 16 bytes at a time, beyond what is meant: there is Slack for that.
type player struct {
	room     []byte // what it plays into, with Slack
	done     int    // bytes of it that are played
	literals []byte // with Slack
	lit      int    // bytes of them that are played
}

func (p *player) play(some []sequence, offsets *[3]int) bool {
	room, literals := p.room, p.literals
	done, lit := p.done, p.lit
	recent0, recent1, recent2 := offsets[0], offsets[1], offsets[2]
	for i := range some {
		fresh, copied, offset := int(some[i].fresh), int(some[i].copied), int(some[i].offset)
		if offset > 3 {
			offset -= 3
			recent2, recent1, recent0 = recent1, recent0, offset
		} else {
			if fresh == 0 {
				offset++
			}
			switch offset {
			case 1:
				offset = recent0
			case 2:
				offset = recent1
				recent1, recent0 = recent0, offset
			case 3:
				offset = recent2
				recent2, recent1, recent0 = recent1, recent0, offset
			default:
				offset = recent0 - 1
				recent2, recent1, recent0 = recent1, recent0, offset
			}
		}
		if lit+fresh > len(literals)-Slack || done+fresh+copied > len(room)-Slack || offset <= 0 || offset > done+fresh {
			return false
		}
		copy16(room, done, literals, lit)
		if fresh > 16 {
			copy(room[done+16:done+fresh], literals[lit+16:])
		}
		done += fresh
		lit += fresh
		from := done - offset
		if offset >= 16 {
			to, like := (*[32]byte)(room[done:done+32:done+32]), (*[32]byte)(room[from:from+32:from+32])
			*(*[16]byte)(to[:]) = *(*[16]byte)(like[:])
			*(*[16]byte)(to[16:]) = *(*[16]byte)(like[16:])
			if copied > 32 {
				if copied > 256 && offset >= copied {
					copy(room[done+32:done+copied], room[from+32:])
				} else {
					for k := 32; k < copied; k += 16 {
						copy16(room, done+k, room, from+k)
					}
				}
			}
		} else {
			repeat(room[from:done+copied], offset)
		}
		done += copied
	}
	p.done, p.lit = done, lit
	*offsets = [3]int{recent0, recent1, recent2}
	return true
}

// copy16 copies 16 bytes.
func copy16(to []byte, i int, from []byte, k int) {
	*(*[16]byte)(to[i : i+16 : i+16]) = *(*[16]byte)(from[k : k+16 : k+16])
}

// repeat fills b with what its first n bytes are, again and again.
func repeat(b []byte, n int) {
	if n == 1 {
		fill(b[1:], b[0])
		return
	}
	for n < len(b) {
		n += copy(b[n:], b[:n])
	}
}

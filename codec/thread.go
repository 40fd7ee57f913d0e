package codec

import "encoding/binary"

// threadCount is how many threads are remembered (section 4.3).
const threadCount = 4

// thread is a place of the tape at which reading may go on.
type thread struct {
	end uint64 // of the last span that was read on this thread
	gap uint64 // bytes of the symbols that have been defined since
}

// threads are the latest ones, the last used first. The zero value is how a frame begins.
type threads [threadCount]thread

// skip tells of a symbol of n bytes that is not of the tape.
func (t *threads) skip(n uint64) {
	for i := range t {
		t[i].gap += n
	}
}

// expected returns where a span is expected under a play code: codeTape, or codeThread to codeNew.
func (t *threads) expected(code uint64) uint64 {
	if code == codeTape || code == codeNew {
		return t[0].end + t[0].gap
	}
	k := code - codeThread + 1 // ends are odd, ends with the gap are even
	th := t[k/2]
	if k%2 == 1 {
		return th.end
	}
	return th.end + th.gap
}

// use tells of a span that was defined under a play code.
func (t *threads) use(code, pos, n uint64) {
	i := 0
	switch {
	case code == codeNew:
		i = threadCount - 1
	case code != codeTape:
		i = int(code-codeThread+1) / 2
	}
	copy(t[1:i+1], t[:i])
	t.skip(n)
	t[0] = thread{end: pos + n}
}

// pick returns the play code that makes the position of a span shortest.
func (t *threads) pick(pos uint64) (code uint64) {
	const far = 3 // bytes of a distance that is no longer of the same thread
	best := far
	code = codeNew
	var b [binary.MaxVarintLen64]byte
	for k := uint64(0); k < 2*threadCount; k++ {
		c := uint64(codeTape)
		if k > 0 {
			c = codeThread + k - 1
		}
		if n := binary.PutUvarint(b[:], zigzag(int64(pos-t.expected(c)))); n < best {
			best, code = n, c
		}
	}
	return code
}

package codec

import (
	"crypto/sha256"
	"runtime"
	"sync"
	"sync/atomic"

	"dictnet/merkle/sha256x2"
)

// mostDiffer is how many notes in a row may differ before notes are opened without being hashed first: where every note has changed, that is in vain.
const mostDiffer = 2

// follow returns how many bytes of b stand on the tape at pos, before end. A note that b may hold whole is compared by its digest and not opened,
// several at a time. With more, what comes after b is not known yet: then it may end before a note of which b holds only a part, and short is true.
func (e *encoder) follow(pos, end uint64, b []byte, more bool) (n int, short bool, err error) {
	for n < len(b) && pos < end {
		if e.differ < mostDiffer {
			whole, k, fits, err := e.wholeNotes(pos, end, b[n:])
			if err != nil {
				return 0, false, err
			}
			if whole > 0 {
				e.differ = 0
			}
			e.differ += k
			if n, pos = n+whole, pos+uint64(whole); whole > 0 && k == 0 {
				continue
			}
			if !fits && more {
				return n, true, nil
			}
		}
		start, raw, err := e.tapeAt(pos)
		if err != nil {
			return 0, false, err
		}
		raw = raw[pos-start:]
		raw = raw[:min(uint64(len(raw)), end-pos)]
		same := commonPrefix(raw, b[n:])
		if pos == start && same == len(raw) {
			e.differ = 0
		}
		n += same
		pos += uint64(same)
		if same < len(raw) {
			break
		}
	}
	return n, false, nil
}

// notesHashed is how many notes are hashed together.
const notesHashed = 16

// wholeNotes returns how many bytes of b are whole notes that stand on the tape from pos on, before end: as many as are hashed together. Different is 1 if
// the next one is not there, of which b has enough bytes, else 0. Fits is false if b has too few bytes for the next one.
func (e *encoder) wholeNotes(pos, end uint64, b []byte) (n, different int, fits bool, err error) {
	type piece struct {
		b    []byte
		want [sha256.Size]byte
	}
	var pieces []piece
	fits = true
	for at := 0; len(pieces) < notesHashed; {
		k, ok, err := e.sums.at(pos + uint64(at))
		if err != nil {
			return 0, 0, false, err
		}
		if !ok || k.end > end {
			break
		}
		size := int(k.end - k.start)
		if size > len(b)-at {
			fits = len(pieces) > 0
			break
		}
		pieces = append(pieces, piece{b[at : at+size], k.digest})
		at += size
	}
	var next, first atomic.Int64 // the next two to be hashed, the first that differs
	first.Store(int64(len(pieces)))
	hash := func() {
		for {
			i := next.Add(2) - 2
			if i >= first.Load() {
				return
			}
			two := pieces[i:min(int(i)+2, len(pieces))]
			var bodies [2][]byte
			for k, p := range two {
				bodies[k] = p.b
			}
			var sums [2][sha256.Size]byte
			sums[0], sums[1] = sha256x2.Sum(bodies[0], bodies[1])
			for k, p := range two {
				if sums[k] == p.want {
					continue
				}
				i := i + int64(k)
				for was := first.Load(); i < was && !first.CompareAndSwap(was, i); was = first.Load() {
				}
			}
		}
	}
	var others sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), (len(pieces)+1)/2) - 1 {
		others.Go(hash)
	}
	hash()
	others.Wait()
	for _, p := range pieces[:first.Load()] {
		n += len(p.b)
	}
	if int(first.Load()) < len(pieces) {
		different = 1
	}
	return n, different, fits, nil
}

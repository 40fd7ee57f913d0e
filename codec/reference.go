package codec

// What a block of local notes is coded against (section 4.4). Local notes stand where the file differs from the tape, so the
// bytes that they replace are the best guess of what they hold. These come last in the reference and, as far as they go, in step
// with the block: a byte and its counterpart are the same distance apart all through, which zstd writes for next to nothing.

const (
	maxReference = 1 << 20 // bytes
	margin       = 64      // bytes before and after what is replaced
	slack        = 4096    // bytes that may be replaced by fewer; bytes that are taken where it is not known how many are
)

// freshNote is a fresh local note of a frame, and where the tape goes on after it.
type freshNote struct {
	begin, end uint64 // of the note, from the frame's first local byte
	ok         bool   // there is a span of the tape around it
	from       uint64 // first byte of the tape that it replaces
	to         uint64 // where the tape goes on
	near       bool   // to is known
}

// freshNotes returns a frame's fresh local notes, in order.
func freshNotes(symbols []symbol) []freshNote {
	next := make([]uint64, len(symbols)) // position + 1 of the next span of the tape, or 0
	var q uint64
	for i := len(symbols) - 1; i >= 0; i-- {
		next[i] = q
		if symbols[i].code == codeTape {
			q = symbols[i].pos + 1
		}
	}
	var notes []freshNote
	var p, at uint64
	hasP := false
	for i, s := range symbols {
		switch s.code {
		case codeTape:
			p, hasP = s.pos+s.len, true
		case codeFresh:
			hasQ, q := next[i] != 0, next[i]-1
			n := freshNote{begin: at, end: at + s.len, ok: hasP || hasQ, from: p}
			if !hasP && hasQ {
				n.from = q - min(q, s.len)
			}
			if hasQ && n.from <= q && q-n.from <= 2*s.len+slack {
				n.to, n.near = q, true
			}
			at = n.end
			notes = append(notes, n)
		}
	}
	return notes
}

// reference returns what the block that holds the local bytes begin to end of the frame is coded against, as spans of the tape.
func reference(notes []freshNote, begin, end, tapeSize uint64) []Span {
	var aligned, around []Span
	left := uint64(maxReference)
	take := func(spans []Span, pos, n uint64) []Span {
		n = min(n, left, tapeSize-min(pos, tapeSize))
		if n == 0 {
			return spans
		}
		left -= n
		return append(spans, Span{pos, n})
	}
	// counterpart returns the bytes of the tape that the part of a note in this block replaces.
	counterpart := func(n freshNote) (from, to uint64) {
		from = n.from + max(begin, n.begin) - n.begin
		to = n.from + min(end, n.end) - n.begin
		if n.near && n.end <= end {
			to = max(to, n.to)
		}
		return from, to
	}
	within := notes[:0:0]
	for _, n := range notes {
		if n.ok && n.begin < end && n.end > begin {
			within = append(within, n)
		}
	}
	for _, n := range within {
		from, to := counterpart(n)
		aligned = take(aligned, from, to-from)
	}
	for _, n := range within {
		from, to := counterpart(n)
		around = take(around, from-min(from, margin), min(from, margin))
		if n.near {
			around = take(around, to, margin)
		} else {
			around = take(around, to, to-from+slack)
		}
	}
	return append(around, aligned...)
}

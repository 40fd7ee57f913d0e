package mix

const (
	rehearsed = 256 << 10 // bytes of the reference that are learned from beforehand, in passages of so many:
	passage   = 1 << 10
)

// rehearse learns from passages of the reference, as far apart as it is long, what its kind of text is like. As there is nothing beside which they stand, what they
// repeat of the reference before them takes the place of the diagonal.
func (m *model) rehearse() {
	ref := m.win[:m.ref]
	noted := recallFrom
	step := max(len(ref)/(rehearsed/passage), passage)
	for at := 0; at < len(ref); at += step {
		m.note(noted, at)
		end := min(at+passage, len(ref))
		for p := at; p < end; p++ {
			m.suppose(p)
			m.remember(m.code(tell, ref[p]))
			m.recall(ref[:p+1])
		}
		noted = max(end+1, recallFrom)
	}
	m.note(noted, len(ref))
	m.borrowed = false
}

// tell is a coder that writes and reads nothing.
func tell(bit int, _ uint32) int { return bit }

// note lets places of the reference, from one to another, be recalled, but none for the next byte.
func (m *model) note(from, to int) {
	for i := range m.recalls {
		m.recalls[i].note(m.win, from, to)
		m.recalls[i].len = 0
	}
}

// recall tells of the last byte of win.
func (m *model) recall(win []byte) {
	for i := range m.recalls {
		m.recalls[i].add(win)
	}
}

// suppose finds what is expected of the byte at p of the reference, by what stands before it.
func (m *model) suppose(p int) {
	m.match.value, m.near.value = -1, -1
	m.ptr, m.run, m.borrowed = -1, 0, true
	for i := range m.recalls {
		r := &m.recalls[i]
		r.look(m.win)
		if i > 0 && r.len > 0 {
			m.ptr, m.run = r.at, r.len
		}
	}
	m.beside(m.win[:p])
	m.ready, m.ruledOut = false, false
}

package deflate

// config is what a level of zlib's deflate goes by (its configuration_table).
type config struct {
	good  int // where the match before is so long, a quarter of the chain is searched
	lazy  int // a shorter match is put off for a longer one at the next byte; at the first three levels: of a longer one only the first place is kept
	nice  int // nothing longer is looked for
	chain int // places, at most, that are compared
}

const (
	levels     = 9
	lastGreedy = 3 // level; those behind it put matches off
)

var configs = [levels + 1]config{1: {4, 4, 8, 4}, {4, 5, 16, 8}, {4, 6, 32, 32}, {4, 4, 16, 16}, {8, 16, 32, 32}, {8, 16, 128, 128}, {8, 32, 128, 256}, {32, 128, 258, 1024}, {32, 258, 258, 4096}}

const (
	hashBits = 15
	farthest = 1<<15 - 262 // a match
	tooFar   = 4096        // for a match of three bytes that may be put off

	perByte = 1 << 10 // places and bytes that are compared, for each byte, and
	once    = 1 << 16 // for each stream besides: whoever would have to compare more does not
)

// matcher makes the tokens that zlib would have made next of raw, whatever it made before.
type matcher struct {
	raw    []byte
	config config
	greedy bool
	heads  [1 << hashBits]int32 // the latest place of a hash, or -1
	before []int32              // by place: the one before it of the same hash
	search int                  // what has been compared

	put putOff
}

// putOff is the match at a place for which the one before it may be put off.
type putOff struct {
	at     int
	length int
	from   int
}

func (m *matcher) begin(raw []byte, level int) {
	m.raw, m.config, m.greedy = raw, configs[level], level <= lastGreedy
	for i := range m.heads {
		m.heads[i] = -1
	}
	if cap(m.before) < len(raw) {
		m.before = make([]int32, len(raw))
	}
	m.before = m.before[:len(raw)]
	m.search, m.put = 0, putOff{at: -1}
}

// head returns the latest place with the hash of three bytes at i, or -1.
func (m *matcher) head(i int) *int32 {
	return &m.heads[(int(m.raw[i])<<10^int(m.raw[i+1])<<5^int(m.raw[i+2]))&(1<<hashBits-1)]
}

// lost reports whether too much has been compared.
func (m *matcher) lost() bool { return m.search > len(m.raw)*perByte+once }

// keep keeps a place, and returns the latest one before it of the same hash, or -1.
func (m *matcher) keep(i int) int {
	if i+leastLen > len(m.raw) {
		return -1
	}
	h := m.head(i)
	was := *h
	m.before[i] = was
	*h = int32(i)
	return int(was)
}

// longest returns the longest match at i that is longer than so many bytes, looking at from first; 0 if there is none.
func (m *matcher) longest(i, from, than int) (length, at int) {
	if from <= 0 || i-from > farthest { // none begins at the very first byte
		return 0, 0
	}
	chain := m.config.chain
	if than >= m.config.good {
		chain >>= 2
	}
	raw := m.raw
	most := min(mostLen, len(raw)-i)
	nice := min(m.config.nice, most)
	limit := max(i-farthest, 0)
	for {
		m.search++
		if than >= most || raw[from+than] == raw[i+than] {
			n := 0
			for n < most && raw[from+n] == raw[i+n] {
				n++
			}
			m.search += n
			if n > than {
				than, length, at = n, n, from
				if n >= nice {
					break
				}
			}
		}
		from = int(m.before[from])
		if chain--; from <= limit || chain == 0 {
			break
		}
	}
	return length, at
}

// next returns the token at i.
func (m *matcher) next(i int) token {
	from := m.keep(i)
	if m.greedy {
		n, at := m.longest(i, from, leastLen-1)
		return m.token(i, n, at)
	}
	n, at := 0, 0
	if m.put.at == i {
		n, at = m.put.length, m.put.from
	} else {
		n, at = m.worth(i, from, leastLen-1)
	}
	if n == 0 {
		return token{}
	}
	if n < m.config.lazy && i+1+leastLen <= len(m.raw) {
		if k, to := m.worth(i+1, int(*m.head(i + 1)), n); k > 0 {
			m.put = putOff{i + 1, k, to}
			return token{}
		}
	}
	return m.token(i, n, at)
}

// worth is longest without matches that are short and far.
func (m *matcher) worth(i, from, than int) (length, at int) {
	length, at = m.longest(i, from, than)
	if length == leastLen && i-at > tooFar {
		return 0, 0
	}
	return length, at
}

func (m *matcher) token(i, length, at int) token {
	if length == 0 {
		return token{}
	}
	return token{uint16(length), uint16(i - at)}
}

// pass goes on behind the token that was made at i, which next was asked for.
func (m *matcher) pass(i int, t token) {
	if m.greedy && int(t.length) > m.config.lazy {
		return
	}
	for k := 1; k < int(t.length); k++ {
		m.keep(i + k)
	}
}

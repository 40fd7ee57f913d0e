package records

import "encoding/binary"

// What of the samples goes on the tape is chosen as zstd's FastCOVER does (zstd, lib/dictBuilder/fastcover.c; after Liao, Petri, Moffat and Wirth,
// "Effective Construction of Relative Lempel-Ziv Dictionaries", WWW 2016): the samples are cut into epochs, and of each the segment is taken that holds most
// of what is frequent and has not been taken yet.
const (
	gramLen  = 8  // bytes of which frequencies are counted
	gramBits = 20 // of the table of frequencies
)

// segment is a part of a sample, and where it begins on the tape.
type segment struct {
	sample, from, to int
	at               int
}

func gram(b []byte) uint32 {
	return uint32(binary.LittleEndian.Uint64(b) * 0x9e3779b185ebca87 >> (64 - gramBits))
}

// cover chooses segments of about length bytes, size bytes in all at most. The most frequent come first.
func cover(samples [][]byte, size, length int) (content []byte, segments []segment) {
	freq := make([]uint32, 1<<gramBits) // samples that hold it
	last := make([]uint32, 1<<gramBits)
	total := 0
	for i, s := range samples {
		total += len(s)
		for j := 0; j+gramLen <= len(s); j++ {
			if g := gram(s[j:]); last[g] != uint32(i+1) {
				last[g] = uint32(i + 1)
				freq[g]++
			}
		}
	}
	for g := range freq {
		if freq[g] > 0 {
			freq[g]-- // what one sample has is of no use to others
		}
	}
	clear(last)
	// Epochs are runs of samples.
	epochs := max(1, min(size/length/4, len(samples)))
	per := (total + epochs - 1) / epochs
	var bounds []int
	sum := 0
	for i, s := range samples {
		if sum >= per*len(bounds) {
			bounds = append(bounds, i)
		}
		sum += len(s)
	}
	bounds = append(bounds, len(samples))
	active := make([]uint16, 1<<gramBits)
	best := func(lo, hi int) (b segment, score uint64) {
		for i := lo; i < hi; i++ {
			s := samples[i]
			var sum uint64
			from := 0
			for j := 0; j+gramLen <= len(s); j++ {
				g := gram(s[j:])
				if active[g]++; active[g] == 1 {
					sum += uint64(freq[g])
				}
				if j+gramLen-from > length {
					g := gram(s[from:])
					if active[g]--; active[g] == 0 {
						sum -= uint64(freq[g])
					}
					from++
				}
				if sum > score {
					b, score = segment{sample: i, from: from, to: j + gramLen}, sum
				}
			}
			for ; from+gramLen <= len(s); from++ {
				active[gram(s[from:])] = 0
			}
		}
		return b, score
	}
	for idle := 0; idle < len(bounds)-1; {
		for e := 0; e+1 < len(bounds) && idle < len(bounds)-1; e++ {
			b, score := best(bounds[e], bounds[e+1])
			if score == 0 {
				idle++
				continue
			}
			idle = 0
			s := samples[b.sample]
			for b.from < b.to-gramLen && freq[gram(s[b.from:])] == 0 {
				b.from++
			}
			for b.to > b.from+gramLen && freq[gram(s[b.to-gramLen:])] == 0 {
				b.to--
			}
			b.to = min(b.to, b.from+size-len(content))
			for j := b.from; j+gramLen <= b.to; j++ {
				freq[gram(s[j:])] = 0
			}
			b.at = len(content)
			content = append(content, s[b.from:b.to]...)
			segments = append(segments, b)
			if size-len(content) < gramLen {
				return content, segments
			}
		}
	}
	return content, segments
}

// barredBySample returns where on the tape what was taken from each sample lies.
func barredBySample(segments []segment, samples int) [][]barred {
	by := make([][]barred, samples)
	for _, s := range segments {
		by[s.sample] = append(by[s.sample], barred{uint32(s.at), uint32(s.at + s.to - s.from)})
	}
	return by
}

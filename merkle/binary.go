package merkle

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// The first bytes of each binary form: "dn", the kind of proof, and the number of the format.
const (
	inclusionMagic   = "dnI\x01"
	consistencyMagic = "dnC\x01"
)

// MarshalBinary gives the proof as bytes. A varint is an unsigned LEB128 integer in its shortest form.
//
//	offset  bytes
//	0       4      "dnI" 0x01
//	4       1-10   varint: size
//	        32     root
//	        1-10   varint: number of runs, at least 1
//	               for each run:
//	        1-10     varint: leaves between the end of the run before (or leaf 0) and this one;
//	                 at least 1 but for the first run
//	        1-10     varint: leaves in the run, at least 1
//	        32 n   n hashes; n follows from the size and the runs
func (p *InclusionProof) MarshalBinary() ([]byte, error) {
	if err := p.validate(); err != nil {
		return nil, fmt.Errorf("inclusion proof: %w", err)
	}
	data := appendVersion([]byte(inclusionMagic), p.Version)
	data = binary.AppendUvarint(data, uint64(len(p.Leaves)))
	var end uint64
	for _, r := range p.Leaves {
		data = binary.AppendUvarint(data, r.Start-end)
		data = binary.AppendUvarint(data, r.Count)
		end = r.Start + r.Count
	}
	return appendHashes(data, p.Hashes), nil
}

// UnmarshalBinary reads just what MarshalBinary writes. That the proof has the right shape does not make it true: see
// Check. On an error p is unchanged.
func (p *InclusionProof) UnmarshalBinary(data []byte) error {
	r := byteReader{rest: data}
	r.magic(inclusionMagic)
	var q InclusionProof
	q.Version = r.version()
	n := r.varint("number of runs")
	if n > uint64(len(r.rest))/2 { // before room is made for them
		r.fail("%d runs do not fit in the %d bytes that are left", n, len(r.rest))
		n = 0
	}
	var end uint64
	for i := uint64(0); i < n && r.err == nil; i++ {
		gap, count := r.varint("gap before a run"), r.varint("length of a run")
		if start := end + gap; start < end || start+count < start {
			r.fail("leaf number is not below 2^64")
		}
		q.Leaves = append(q.Leaves, Run{end + gap, count})
		end += gap + count
	}
	q.Hashes = r.hashes()
	if r.err == nil {
		r.err = q.validate()
	}
	if r.err != nil {
		return fmt.Errorf("inclusion proof: %w", r.err)
	}
	*p = q
	return nil
}

// MarshalBinary gives the proof as bytes, in the manner of [InclusionProof.MarshalBinary]:
//
//	offset  bytes
//	0       4      "dnC" 0x01
//	4       1-10   varint: old size
//	        32     old root
//	        1-10   varint: new size
//	        32     new root
//	        32 n   n hashes; n follows from the sizes
func (p *ConsistencyProof) MarshalBinary() ([]byte, error) {
	if err := p.validate(); err != nil {
		return nil, fmt.Errorf("consistency proof: %w", err)
	}
	data := appendVersion([]byte(consistencyMagic), p.Old)
	data = appendVersion(data, p.New)
	return appendHashes(data, p.Hashes), nil
}

// UnmarshalBinary reads just what MarshalBinary writes. That the proof has the right shape does not make it true: see
// Check. On an error p is unchanged.
func (p *ConsistencyProof) UnmarshalBinary(data []byte) error {
	r := byteReader{rest: data}
	r.magic(consistencyMagic)
	q := ConsistencyProof{Old: r.version(), New: r.version()}
	q.Hashes = r.hashes()
	if r.err == nil {
		r.err = q.validate()
	}
	if r.err != nil {
		return fmt.Errorf("consistency proof: %w", r.err)
	}
	*p = q
	return nil
}

func appendVersion(data []byte, v Version) []byte {
	return append(binary.AppendUvarint(data, v.Size), v.Root[:]...)
}

func appendHashes(data []byte, hashes []Hash) []byte {
	for i := range hashes {
		data = append(data, hashes[i][:]...)
	}
	return data
}

// A byteReader takes bytes apart and keeps the first error, after which it reads nothing more.
type byteReader struct {
	rest   []byte
	offset int // of rest
	err    error
}

// fail keeps the first error, with the offset it is about.
func (r *byteReader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("at byte %d: %w", r.offset, fmt.Errorf(format, args...))
		r.rest = nil
	}
}

func (r *byteReader) skip(n int) {
	r.rest = r.rest[n:]
	r.offset += n
}

func (r *byteReader) magic(want string) {
	if !bytes.HasPrefix(r.rest, []byte(want)) {
		r.fail("does not begin with %q", want)
		return
	}
	r.skip(len(want))
}

func (r *byteReader) varint(name string) uint64 {
	if r.err != nil {
		return 0
	}
	v, n := binary.Uvarint(r.rest)
	switch {
	case n == 0:
		r.fail("%s is cut short", name)
		return 0
	case n < 0:
		r.fail("%s is not below 2^64", name)
		return 0
	case n > 1 && r.rest[n-1] == 0:
		r.fail("%s is not a varint in its shortest form", name)
		return 0
	}
	r.skip(n)
	return v
}

func (r *byteReader) hash(name string) (h Hash) {
	if r.err == nil && len(r.rest) < HashSize {
		r.fail("%s is cut short", name)
	}
	if r.err != nil {
		return Hash{}
	}
	copy(h[:], r.rest)
	r.skip(HashSize)
	return h
}

func (r *byteReader) version() (v Version) {
	v.Size = r.varint("size")
	v.Root = r.hash("root")
	return v
}

// hashes reads the rest of the bytes.
func (r *byteReader) hashes() []Hash {
	if r.err != nil {
		return nil
	}
	if n := len(r.rest) % HashSize; n != 0 {
		r.skip(len(r.rest) - n)
		r.fail("last hash is cut short")
		return nil
	}
	if len(r.rest) == 0 {
		return nil
	}
	hashes := make([]Hash, 0, len(r.rest)/HashSize)
	for len(r.rest) > 0 {
		hashes = append(hashes, r.hash("hash"))
	}
	return hashes
}

package ipfs

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/multiformats/go-multihash"

	"dictnet/codec"
	"dictnet/dictnet"
	"dictnet/dictnet/store"
)

// notesProtocol is what nodes of dictnet speak with each other: blocks one after the other on one stream, in the order in which they are
// asked for, where bitswap sends messages by the block, each on a stream of its own. docs/network.md has it byte for byte.
const notesProtocol protocol.ID = "/dictnet/notes/1"

// Kinds of requests, and what stands before a block of a prelude.
const (
	askBlocks  = 1
	askPrelude = 2

	preludeEnd   = 0
	codecRaw     = cid.Raw     // 0x55
	codecDagCBOR = cid.DagCBOR // 0x71
)

const (
	maxAsked   = 1024 // blocks in one request
	digestSize = 32
	maxRequest = 2 + 2 + maxAsked*(1+digestSize)       // bytes; one for a prelude is shorter
	maxPrelude = dictnet.PreludeBytes + store.MaxBlock // bytes of blocks
)

// notesRequest is what one stream asks for: either blocks, or a prelude.
type notesRequest struct {
	blocks   []cid.Cid
	manifest cid.Cid // of a prelude; undefined: blocks
	spans    []codec.Span
}

// appendName appends a CIDv1 with sha2-256: a byte for its codec, and the digest.
func appendName(b []byte, c cid.Cid) ([]byte, error) {
	p := c.Prefix()
	if p.Version != 1 || p.MhType != multihash.SHA2_256 || p.MhLength != digestSize || p.Codec != codecRaw && p.Codec != codecDagCBOR {
		return nil, fmt.Errorf("block %s: CID is not CIDv1, raw or dag-cbor, sha2-256", c)
	}
	h := c.Hash()
	return append(append(b, byte(p.Codec)), h[len(h)-digestSize:]...), nil
}

// nameOf returns the CIDv1 with a codec and a sha2-256 digest.
func nameOf(codec byte, digest []byte) cid.Cid {
	mh, err := multihash.Encode(digest, multihash.SHA2_256)
	if err != nil {
		panic(err) // only an unknown hash
	}
	return cid.NewCidV1(uint64(codec), mh)
}

// append appends the request as it is sent.
func (r *notesRequest) append(b []byte) (_ []byte, err error) {
	if !r.manifest.Defined() {
		b = binary.AppendUvarint(append(b, askBlocks), uint64(len(r.blocks)))
		for _, c := range r.blocks {
			if b, err = appendName(b, c); err != nil {
				return nil, err
			}
		}
		return b, nil
	}
	if b, err = appendName(append(b, askPrelude), r.manifest); err != nil {
		return nil, err
	}
	b = binary.AppendUvarint(b, uint64(len(r.spans)))
	for _, s := range r.spans {
		b = binary.AppendUvarint(binary.AppendUvarint(b, s.Pos), s.Len)
	}
	return b, nil
}

// readRequest reads a request up to its end.
func readRequest(src io.Reader) (*notesRequest, error) {
	in := bufio.NewReaderSize(io.LimitReader(src, maxRequest+1), 4<<10)
	r, err := parseRequest(in)
	if err == nil {
		if _, err = in.ReadByte(); err == io.EOF {
			return r, nil
		}
		if err == nil {
			err = errors.New("bytes after the request")
		}
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return nil, err
}

func parseRequest(in *bufio.Reader) (*notesRequest, error) {
	kind, err := in.ReadByte()
	if err != nil {
		return nil, err
	}
	r := new(notesRequest)
	switch kind {
	case askBlocks:
		n, err := readNumber(in, 1, maxAsked, "number of blocks")
		for ; err == nil && n > 0; n-- {
			var c cid.Cid
			if c, err = readName(in); err == nil {
				r.blocks = append(r.blocks, c)
			}
		}
		return r, err
	case askPrelude:
		if r.manifest, err = readName(in); err != nil {
			return nil, err
		}
		if r.manifest.Prefix().Codec != codecDagCBOR {
			return nil, fmt.Errorf("%s is no manifest", r.manifest)
		}
		n, err := readNumber(in, 0, dictnet.PreludeSpans, "number of spans")
		for ; err == nil && n > 0; n-- {
			var s codec.Span
			if s.Pos, err = readNumber(in, 0, math.MaxInt64, "position"); err == nil {
				s.Len, err = readNumber(in, 1, math.MaxInt64, "length")
			}
			r.spans = append(r.spans, s)
		}
		return r, err
	}
	return nil, fmt.Errorf("request of kind %d", kind)
}

func readName(in *bufio.Reader) (cid.Cid, error) {
	var b [1 + digestSize]byte
	if _, err := io.ReadFull(in, b[:]); err != nil {
		return cid.Undef, err
	}
	if b[0] != codecRaw && b[0] != codecDagCBOR {
		return cid.Undef, fmt.Errorf("block with codec 0x%02x", b[0])
	}
	return nameOf(b[0], b[1:]), nil
}

// readNumber reads a varint in its shortest form.
func readNumber(in io.ByteReader, lo, hi uint64, what string) (v uint64, err error) {
	for shift := 0; ; shift += 7 {
		b, err := in.ReadByte()
		if err != nil {
			return 0, err
		}
		if shift == 63 && b > 1 || shift > 0 && b == 0 {
			return 0, fmt.Errorf("%s is not a varint in its shortest form", what)
		}
		v |= uint64(b&0x7f) << shift
		if b < 0x80 {
			break
		}
	}
	if v < lo || v > hi {
		return 0, fmt.Errorf("%s is %d, want %d to %d", what, v, lo, hi)
	}
	return v, nil
}

// answerReader reads what comes for a request.
type answerReader struct{ in *bufio.Reader }

func newAnswerReader(src io.Reader) answerReader { return answerReader{bufio.NewReaderSize(src, 512)} }

// start waits for the beginning of the answer.
func (a answerReader) start() error {
	_, err := a.in.Peek(1)
	return noEnd(err)
}

// block reads the length of a block and the block, into buf if it has room; nil: it is not there. No more memory is taken than a block may have.
func (a answerReader) block(buf []byte) ([]byte, error) {
	n, err := readNumber(a.in, 0, store.MaxBlock, "length of a block")
	if err != nil || n == 0 {
		return nil, noEnd(err)
	}
	data := buf[:min(n, uint64(cap(buf)))]
	if uint64(len(data)) < n {
		data = make([]byte, n)
	}
	_, err = io.ReadFull(a.in, data)
	return data, noEnd(err)
}

// preludeBlock reads the next block of a prelude, and names it for what it is; io.EOF: there are no more.
func (a answerReader) preludeBlock() (c cid.Cid, data []byte, err error) {
	kind, err := a.in.ReadByte()
	switch {
	case err != nil:
		return cid.Undef, nil, noEnd(err)
	case kind == preludeEnd:
		return cid.Undef, nil, io.EOF
	case kind != codecRaw && kind != codecDagCBOR:
		return cid.Undef, nil, fmt.Errorf("sends a block with codec 0x%02x", kind)
	}
	if data, err = a.block(nil); err == nil && data == nil {
		err = errors.New("sends an empty block")
	}
	if err != nil {
		return cid.Undef, nil, err
	}
	return nameOf(kind, digestOf(data)), data, nil
}

// end reports an error if something stands behind the answer.
func (a answerReader) end() error {
	_, err := a.in.ReadByte()
	if err == nil {
		return errTooMuch
	}
	if err == io.EOF {
		return nil
	}
	return err
}

func noEnd(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

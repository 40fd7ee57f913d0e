package codec

import "github.com/cespare/xxhash/v2"

// checksums are those of the file so far and of the frame that is being played. In the first frame they are one, so that bytes are hashed once.
type checksums struct {
	file, last *xxhash.Digest
	frames     int // that have ended
}

func newChecksums() checksums { return checksums{file: xxhash.New(), last: xxhash.New()} }

// add adds bytes that the frame plays.
func (c *checksums) add(b []byte) {
	c.file.Write(b)
	if c.frames > 0 {
		c.last.Write(b)
	}
}

// endFrame returns the checksum of the frame, and begins the next one.
func (c *checksums) endFrame() uint32 {
	sum := c.file.Sum64()
	if c.frames > 0 {
		sum = c.last.Sum64()
	}
	c.frames++
	c.last.Reset()
	return uint32(sum)
}

// whole returns the checksum of the file.
func (c *checksums) whole() uint64 { return c.file.Sum64() }

package codec

import (
	"fmt"
	"io"
)

// Check compares a file with what the template plays, by the checksums of the frames and of the whole. It needs no note
// and opens no local ones. It returns the ranges of the file that are not as they should be, or the whole of it; none if all is well.
// What a longer file has behind them is not looked at.
// The checksums are those of format.md, section 4: good against accidents, but not against somebody who makes a file to
// pass them.
func (r *Reader) Check(file io.ReaderAt) ([]Span, error) {
	var wrong []Span
	sums := newChecksums()
	buf := make([]byte, 1<<20)
	for i, e := range r.idx.frames {
		fr, err := r.frame(i)
		if err != nil {
			return nil, err
		}
		s := io.NewSectionReader(file, int64(e.start), int64(e.play))
		for left := e.play; left > 0; {
			if err := r.ctx.Err(); err != nil {
				return nil, err
			}
			n, err := io.ReadFull(s, buf[:min(uint64(len(buf)), left)])
			sums.add(buf[:n])
			left -= uint64(n)
			if err == io.EOF || err == io.ErrUnexpectedEOF {
				break
			}
			if err != nil {
				return nil, fmt.Errorf("check file: %w", err)
			}
		}
		if checkFrame(e, fr.sum, sums.endFrame()) != nil {
			wrong = append(wrong, Span{e.start, e.play})
		}
	}
	if len(wrong) == 0 && checkWhole(r.size, r.idx.sum, sums.whole()) != nil {
		wrong = []Span{{0, r.idx.play()}}
	}
	return wrong, nil
}

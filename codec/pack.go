package codec

import (
	"encoding/binary"
	"slices"

	"golang.org/x/sync/errgroup"
)

// closedFrame is a frame of which all is known, and what coding makes of it.
type closedFrame struct {
	terminals []symbol
	sequence  []uint32
	fresh     []byte // of the local tape, which keeps it until the frame is written
	entry     frameEntry
	sum       uint32 // low half of the xxh64 of what it plays

	count   int // symbols in the sequence that is written
	rules   int
	symbols []byte
	sources [][]blockSource
	holes   []Span // what no reference may have
	blocks  []blockEntry
	data    [][]byte
	err     error
	done    chan struct{} // closed when what stands above is there
}

// code finds the rules of a frame and codes its symbols and blocks, several at a time.
func (e *encoder) code(f *closedFrame) error {
	sequence, rules := e.o.Grammar.compress(f.sequence, uint32(len(f.terminals)), e.o.MinPairFreq)
	score, streams := writeScore(f.terminals, sequence, rules, f.entry.localPos)
	f.count, f.rules = len(sequence), len(rules)

	length := int(blockLength(uint64(len(f.fresh)), 1<<e.shape.blockBits))
	raws := slices.Collect(slices.Chunk(f.fresh, max(length, 1)))
	n := len(raws)
	f.blocks, f.data = make([]blockEntry, n), make([][]byte, n)
	places := score.places(f.entry.start, e.notes.size())
	holes := make([][]Span, n)
	g, ctx := errgroup.WithContext(e.ctx)
	g.Go(func() error {
		f.symbols = appendScore(nil, streams)
		return nil
	})
	for i, raw := range raws {
		g.Go(func() error {
			e.packers <- struct{}{}
			defer func() { <-e.packers }()
			if err := ctx.Err(); err != nil { // a block may take seconds
				return err
			}
			begin := i * length
			end := begin + len(raw)
			fresh := places.notes(nil, uint64(begin), uint64(end), behind(e.notes.size(), f.sources[i]))
			old := counterpart{ref: referenceOf(fresh, uint64(begin), uint64(end), e.notes.size(), e.shape.coding)}
			tape, _ := old.ref.parted(e.notes.size())
			as, out := e.shape.coding, e.within.outside(tape)
			if e.within != nil && len(e.within) == 0 && len(out) > 0 {
				out = []Span{{0, e.notes.size()}} // is written shorter
			}
			if len(out) > maxHoles/n {
				as, old.ref, out = codingZstd, new(reference), nil
			}
			old.ref.leaveOut(out)
			tape, local := old.ref.parted(e.notes.size())
			memory := e.references.Get(old.ref.size() + as.before(len(raw)))
			defer e.references.Put(memory)
			old.bytes = *memory
			for _, s := range tape {
				var err error
				if old.bytes, err = e.notes.read(ctx, old.bytes, s); err != nil {
					return err
				}
			}
			for _, s := range local {
				var err error
				if old.bytes, err = e.local.read(old.bytes, s); err != nil {
					return err
				}
			}
			c, d, err := pack(ctx, as, raw, old)
			if err != nil {
				return err
			}
			if c.referenced() {
				holes[i] = out
			}
			f.blocks[i], f.data[i] = blockEntry{coding: c, raw: len(raw), stored: len(d), sources: f.sources[i]}, d
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	f.holes = JoinSpans(slices.Concat(holes...))
	return nil
}

// writeFrame writes the first of the frames that are being coded as soon as it is ready, and before all others the header.
func (e *encoder) writeFrame() error {
	var f *closedFrame
	if len(e.coding) > 0 {
		f = e.coding[0]
		e.coding = e.coding[1:]
		<-f.done
		if f.err != nil {
			return f.err
		}
	}
	if !e.started {
		var dict *DictionaryName
		if d := e.o.Dictionary; d != nil && f != nil {
			name := d.Name()
			dict = &name
		}
		head, err := appendHeader(nil, dict, e.shape.blockBits)
		if err != nil {
			return err
		}
		if err := e.out.write(head); err != nil {
			return err
		}
		e.started = true
	}
	if f == nil {
		return nil
	}
	f.entry.off = e.out.off
	if err := e.out.write(appendHead(nil, f.entry.play, f.sum, f.count, f.symbols, f.blocks, f.holes)); err != nil {
		return err
	}
	for _, d := range f.data {
		if err := e.out.write(binary.LittleEndian.AppendUint32(d[:len(d):len(d)], crc32c(d))); err != nil {
			return err
		}
	}
	if err := e.local.release(f.entry.localPos + f.entry.local); err != nil {
		return err
	}
	f.entry.size = e.out.off - f.entry.off
	e.index.frames = append(e.index.frames, f.entry)
	e.stats.Frames++
	e.stats.Symbols += int64(f.count)
	e.stats.Rules += int64(f.rules)
	return nil
}

// stop ends the coding of frames that nobody waits for.
func (e *encoder) stop() {
	e.cancel()
	for _, f := range e.coding {
		<-f.done
	}
}

package manifest

import (
	"context"

	"github.com/ipfs/go-cid"
)

// Link is one block that a manifest reaches, itself included.
type Link struct {
	CID   cid.Cid
	Note  bool   // else a block of the manifest
	Index uint64 // of the note
}

// Walk visits every block that the manifest reaches, parents before children and left to right: the
// manifest, then its labels, then the tree with its notes. Notes are named, not read. Where visit returns false, what is below the
// block is left out. It stops at the first error.
func (m *Manifest) Walk(ctx context.Context, visit func(Link) (descend bool, err error)) error {
	descend, err := visit(Link{CID: m.cid})
	if err != nil || !descend || m.height == 0 {
		return err
	}
	if _, err := m.readLabels(ctx, func(d digest, _ string) (bool, error) { return visit(Link{CID: cidOf(codecNode, d)}) }); err != nil {
		return err
	}
	return m.walk(ctx, place{m.height, 0}, m.head.tree, visit)
}

func (m *Manifest) walk(ctx context.Context, p place, link digest, visit func(Link) (bool, error)) error {
	if descend, err := visit(Link{CID: cidOf(codecNode, link)}); err != nil || !descend {
		return err
	}
	n, err := m.node(ctx, p)
	if err != nil {
		return err
	}
	first := p.index * Fanout
	for i, child := range n.links {
		at := first + uint64(i)
		if p.height == 1 {
			if _, err := visit(Link{CID: cidOf(codecNote, child), Note: true, Index: at}); err != nil {
				return err
			}
			continue
		}
		if err := m.walk(ctx, place{p.height - 1, at}, child, visit); err != nil {
			return err
		}
	}
	return nil
}

// Load reads and checks every block of the manifest, many at once, and no note. When it returns without an
// error, a Getter that keeps what it fetched can serve all of them.
func (m *Manifest) Load(ctx context.Context, progress func(blocks uint64)) error {
	if _, err := m.Codes(ctx); err != nil {
		return err
	}
	done := uint64(1)
	for h := m.height; h > 0; h-- {
		count := uint64(1)
		if h < m.height {
			count = (m.head.Size-1)>>(8*h) + 1
		}
		for from := uint64(0); from < count; from += readAhead {
			to := min(from+readAhead, count)
			if err := m.load(ctx, h, from, to); err != nil {
				return err
			}
			done += to - from
			if progress != nil {
				progress(done)
			}
		}
	}
	return nil
}

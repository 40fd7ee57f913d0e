package merkle

import "context"

// The definitions of RFC 9162, sections 2.1.1, 2.1.3.1 and 2.1.4.1, word for word and slow: what everything else here
// is measured by.

// split is the largest power of two smaller than n.
func split(n int) int {
	k := 1
	for 2*k < n {
		k *= 2
	}
	return k
}

func rfcRoot(d []Hash) Hash {
	switch len(d) {
	case 0:
		return EmptyRoot
	case 1:
		return d[0]
	}
	k := split(len(d))
	return NodeHash(rfcRoot(d[:k]), rfcRoot(d[k:]))
}

func rfcPath(m int, d []Hash) []Hash {
	if len(d) == 1 {
		return nil
	}
	k := split(len(d))
	if m < k {
		return append(rfcPath(m, d[:k]), rfcRoot(d[k:]))
	}
	return append(rfcPath(m-k, d[k:]), rfcRoot(d[:k]))
}

func rfcSubproof(m int, d []Hash, known bool) []Hash {
	if m == len(d) {
		if known {
			return nil
		}
		return []Hash{rfcRoot(d)}
	}
	k := split(len(d))
	if m <= k {
		return append(rfcSubproof(m, d[:k], known), rfcRoot(d[k:]))
	}
	return append(rfcSubproof(m-k, d[k:], false), rfcRoot(d[:k]))
}

// testLeaves are hashes of n different leaves, the same in every test.
func testLeaves(n int) []Hash {
	hashes := make([]Hash, n)
	for i := range hashes {
		hashes[i] = LeafHash([]byte{byte(i >> 16), byte(i >> 8), byte(i)})
	}
	return hashes
}

func memTree(leaves []Hash) *MemTree {
	t := new(MemTree)
	t.Append(leaves...)
	return t
}

// A uniformTree has 2^64-1 equal leaves, so that every node of a level has the same hash, and the largest sizes can be
// tried.
type uniformTree [64]Hash

func newUniformTree() *uniformTree {
	t := new(uniformTree)
	t[0] = LeafHash(nil)
	for l := 1; l < 64; l++ {
		t[l] = NodeHash(t[l-1], t[l-1])
	}
	return t
}

func (t *uniformTree) Nodes(ctx context.Context, ids []NodeID) ([]Hash, error) {
	hashes := make([]Hash, len(ids))
	for i, id := range ids {
		if !id.in(1<<64 - 1) {
			panic("asked for an incomplete node " + id.String())
		}
		hashes[i] = t[id.Level]
	}
	return hashes, nil
}

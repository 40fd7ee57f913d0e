package merkle

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// chunk is how many leaves a core folds at a time: a complete subtree, whose hashes (64 to 128 KiB) stay in its
// second-level cache.
const chunk = 1 << 12

// Root returns the root over leaves given by their hashes. It uses all processors for long lists; the result does not
// depend on how many there are.
func Root(leafHashes []Hash) Hash {
	return foldChunks(len(leafHashes), func() chunkFolder {
		node := newNodeHasher()
		buf := make([]Hash, (min(len(leafHashes), chunk)+1)/2)
		return func(from, to int) Hash { return node.fold(buf, leafHashes[from:to]) }
	})
}

// RootOfLeaves returns the root over leaves that have width bytes each, at least 1, and lie end to end, such as the
// 36-byte CIDs of notes. It panics if the last leaf is cut short.
func RootOfLeaves(leaves []byte, width int) Hash {
	if width < 1 || len(leaves)%width != 0 {
		panic("merkle: leaves do not all have the same width")
	}
	n := len(leaves) / width
	return foldChunks(n, func() chunkFolder {
		leaf, node := newLeafHasher(width), newNodeHasher()
		buf := make([]Hash, min(n, chunk))
		return func(from, to int) Hash {
			hashes := buf[:to-from]
			for i := range hashes {
				hashes[i] = leaf.leaf(leaves[(from+i)*width:][:width])
			}
			return node.fold(hashes, hashes)
		}
	})
}

// A chunkFolder returns the root over the leaves from to to-1, at most chunk of them.
type chunkFolder func(from, to int) Hash

// foldChunks returns the root over n leaves. Each of its goroutines makes a folder and gives it chunk after chunk. Then
// it folds the results, of which all but the last are roots of complete subtrees of one size.
func foldChunks(n int, newFolder func() chunkFolder) Hash {
	if n == 0 {
		return EmptyRoot
	}
	roots := make([]Hash, (n+chunk-1)/chunk)
	var next atomic.Int64
	work := func() {
		fold := newFolder()
		for {
			i := int(next.Add(1)) - 1
			if i >= len(roots) {
				return
			}
			roots[i] = fold(i*chunk, min((i+1)*chunk, n))
		}
	}
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(roots)) - 1 {
		wg.Go(work)
	}
	work()
	wg.Wait()
	return newNodeHasher().fold(roots, roots)
}

// fold returns the root over at least one hash, level by level: neighbours are hashed in pairs, and one that is left
// over rises unchanged. buf has room for half of the hashes, rounded up, and may be the same slice.
func (h *fixedHasher) fold(buf, hashes []Hash) Hash {
	for len(hashes) > 1 {
		pairs := len(hashes) / 2
		for i := range pairs {
			buf[i] = h.node(&hashes[2*i], &hashes[2*i+1])
		}
		if len(hashes)%2 == 1 {
			buf[pairs] = hashes[len(hashes)-1]
			pairs++
		}
		hashes = buf[:pairs]
	}
	return hashes[0]
}

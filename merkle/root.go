package merkle

import (
	"crypto/sha256"
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
	return foldChunks(len(leafHashes), func(buf []Hash, from, to int) Hash {
		return foldPairs(buf, leafHashes[from:to])
	})
}

// RootOfLeaves returns the root over leaves that have width bytes each, at least 1, and lie end to end, such as the
// 36-byte CIDs of notes. It panics if the last leaf is cut short.
func RootOfLeaves(leaves []byte, width int) Hash {
	if width < 1 || len(leaves)%width != 0 {
		panic("merkle: leaves do not all have the same width")
	}
	return foldChunks(len(leaves)/width, func(buf []Hash, from, to int) Hash {
		var hashes [chunk]Hash
		for i := range to - from {
			hashes[i] = LeafHash(leaves[(from+i)*width:][:width])
		}
		return foldPairs(buf, hashes[:to-from])
	})
}

// foldChunks returns the root over n leaves. It calls fold for each chunk of consecutive leaves, on several goroutines
// that have a buffer for chunk/2 hashes each, and folds the results, of which all but the last are roots of complete
// subtrees of one size.
func foldChunks(n int, fold func(buf []Hash, from, to int) Hash) Hash {
	if n == 0 {
		return EmptyRoot
	}
	roots := make([]Hash, (n+chunk-1)/chunk)
	var next atomic.Int64
	work := func() {
		buf := make([]Hash, (min(n, chunk)+1)/2)
		for {
			i := int(next.Add(1)) - 1
			if i >= len(roots) {
				return
			}
			roots[i] = fold(buf, i*chunk, min((i+1)*chunk, n))
		}
	}
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(roots)) - 1 {
		wg.Go(work)
	}
	work()
	wg.Wait()
	return foldPairs(roots, roots)
}

// foldPairs returns the root over at least one hash, level by level: neighbours are hashed in pairs, and one that is
// left over rises unchanged. buf has room for half of the hashes, rounded up, and may be the same slice.
func foldPairs(buf, hashes []Hash) Hash {
	var node [1 + 2*HashSize]byte
	node[0] = 1
	for len(hashes) > 1 {
		pairs := len(hashes) / 2
		for i := range pairs {
			copy(node[1:], hashes[2*i][:])
			copy(node[1+HashSize:], hashes[2*i+1][:])
			buf[i] = sha256.Sum256(node[:])
		}
		if len(hashes)%2 == 1 {
			buf[pairs] = hashes[len(hashes)-1]
			pairs++
		}
		hashes = buf[:pairs]
	}
	return hashes[0]
}

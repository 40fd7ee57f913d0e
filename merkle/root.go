package merkle

// Root returns the root over leaves given by their hashes.
func Root(leafHashes []Hash) Hash {
	var t Tree
	for _, h := range leafHashes {
		t.Append(h)
	}
	return t.Version().Root
}

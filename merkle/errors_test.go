package merkle

import (
	"errors"
	"strings"
	"testing"
)

// Errors are one line that names the versions, the leaves and what was found, and they all are ErrProof.
func TestErrorTexts(t *testing.T) {
	v := Version{7, LeafHash([]byte("root"))}
	h := LeafHash([]byte("other"))
	runs := []Run{{0, 1}, {2, 2}, {5, 1}, {7, 1}, {9, 3}}
	for _, tt := range []struct {
		err  error
		want []string
	}{
		{&RootError{v, h}, []string{v.String(), h.String()}},
		{&InclusionError{v, runs[:2], nil, nil, &RootError{v, h}}, []string{"leaves [0 2-3] of version " + v.String(), h.String()}},
		{&InclusionError{v, runs, nil, nil, &RootError{v, h}}, []string{"leaves [0 2-3 5 7] and 1 more runs of version"}},
		{&ConsistencyError{v, Version{9, h}, nil, &RootError{v, h}}, []string{"9:" + h.String() + " does not extend version " + v.String()}},
		{&TileError{v, []Tile{{0, 0, 7}, {1, 1000, 256}}, nil, h, v.Root}, []string{"tile/0/000.p/7, tile/1/x001/000 of version " + v.String(), h.String()}},
	} {
		for _, want := range tt.want {
			if got := tt.err.Error(); !strings.Contains(got, want) || strings.Contains(got, "\n") {
				t.Errorf("error is %q, want one line with %q", got, want)
			}
		}
		if !errors.Is(tt.err, ErrProof) {
			t.Errorf("%v is not ErrProof", tt.err)
		}
	}
	var root *RootError
	if !errors.As(CheckInclusion(Version{1, h}, 0, v.Root, nil), &root) || root.Got != v.Root {
		t.Errorf("the root that was found is not in the error: %v", root)
	}
}

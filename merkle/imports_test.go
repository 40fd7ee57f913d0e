package merkle

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"testing"
)

// Whoever checks a proof should not need more than a Go toolchain: outside of tests, only the standard library is
// imported, and this package by those below it.
func TestStandardLibraryOnly(t *testing.T) {
	err := fs.WalkDir(os.DirFS("."), ".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range file.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			// The standard library's paths have no dot in their first element, and neither have ours.
			first, _, _ := strings.Cut(name, "/")
			if name != "dictnet/merkle" && (first == "dictnet" || strings.Contains(first, ".")) {
				t.Errorf("%s imports %s", path, name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

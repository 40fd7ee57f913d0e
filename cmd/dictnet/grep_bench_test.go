package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// BenchmarkGrep counts lines in a file of 1,000 versions of a text, each a few lines different from the one before, from its template, and as
// one does without: zstd -dc | grep -c. Both are processes, from start to end, and have to agree. Bytes are those of the file.
func BenchmarkGrep(b *testing.B) {
	dir := b.TempDir()
	file, packed, template, dictnet := filepath.Join(dir, "file"), filepath.Join(dir, "file.zst"), filepath.Join(dir, "file.dn"), filepath.Join(dir, "dictnet")
	size := writeVersions(b, file, 500<<10, 1000)
	for _, cmd := range [][]string{
		{"go", "build", "-o", dictnet, "."},
		{"zstd", "-q", "-19", "--long=31", "-T0", file, "-o", packed},
		{dictnet, "encode", file, "-o", template, "-q"},
	} {
		if out, err := exec.Command(cmd[0], cmd[1:]...).CombinedOutput(); err != nil {
			b.Fatalf("%v: %v\n%s", cmd, err, out)
		}
	}
	for _, p := range []string{"item 3f", "version [0-9]+: [0-9]*7$", "[a-f]+[0-9]", "^$", "e"} {
		count := func(name, command string) (answer []byte) {
			b.Run(fmt.Sprintf("%s/%s", p, name), func(b *testing.B) {
				b.SetBytes(size)
				for b.Loop() {
					c := exec.Command("sh", "-c", command, "sh", p)
					c.Env = append(os.Environ(), "LC_ALL=C")
					answer, _ = c.Output() // the exit code is 1 if nothing matches
				}
			})
			return bytes.TrimSpace(answer)
		}
		want := count("zstd and grep", "zstd -dcq --long=31 "+packed+` | grep -acE "$1"`)
		if got := count("dictnet", dictnet+` grep -c "$1" `+template); !bytes.Equal(got, want) {
			b.Errorf("pattern %q: %s lines, grep says %s", p, got, want)
		}
	}
}

// writeVersions writes n versions of a text of about so many bytes, one after the other.
func writeVersions(b *testing.B, name string, bytesEach, n int) (size int64) {
	b.Helper()
	f, err := os.Create(name)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	r := rand.New(rand.NewPCG(1, 2))
	var lines []string
	for left := bytesEach; left > 0; left -= len(lines[len(lines)-1]) {
		lines = append(lines, fmt.Sprintf("line %d: the value of item %x is %d\n", r.IntN(1000), r.IntN(1<<30), r.IntN(100000)))
	}
	for v := range n {
		var out bytes.Buffer
		for _, l := range lines {
			out.WriteString(l)
		}
		k, err := f.Write(out.Bytes())
		if err != nil {
			b.Fatal(err)
		}
		size += int64(k)
		for range 1 + r.IntN(4) {
			i := r.IntN(len(lines))
			switch l := fmt.Sprintf("changed in version %d: %d\n", v, r.IntN(1000)); r.IntN(3) {
			case 0:
				lines[i] = l
			case 1:
				lines = slices.Insert(lines, i, l)
			case 2:
				lines = slices.Delete(lines, i, i+1)
			}
		}
	}
	return size
}

package records

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"dictnet/codec"
)

// pack makes a pack of templates as they are.
func pack(templates ...[]byte) []byte {
	b := []byte(PackMagic)
	for _, t := range templates {
		b = append(binary.AppendUvarint(b, uint64(len(t))), t...)
	}
	return binary.AppendUvarint(append(b, 0), uint64(len(templates)))
}

// rawRecord is the template of a record of n bytes that is stored as it is.
func rawRecord(root, n byte) []byte {
	return append([]byte{first, formRaw, root, 0, 0, 0, 0, n}, make([]byte, int(n)+3)...)
}

// The parts of a pack are the whole of it, and what it lists is bounded.
func TestInspect(t *testing.T) {
	var many [][]byte
	for i := range 100 {
		many = append(many, rawRecord(byte(i), 5))
	}
	for name, templates := range map[string][][]byte{"none": nil, "one": {rawRecord(1, 0)}, "two": {rawRecord(1, 100), rawRecord(1, 3)}, "many": many} {
		file := pack(templates...)
		if !Holds(file) {
			t.Error(name, "is no pack")
		}
		info, err := Inspect(bytes.NewReader(file))
		if err != nil || info.Size != int64(len(file)) || info.Templates+info.Pack != info.Size || info.Records != int64(len(templates)) || info.Raw != info.Records || len(info.Roots) > maxRoots {
			t.Errorf("%s: %+v of %d bytes, %v", name, info, len(file), err)
		}
		for n := range file {
			if _, err := Inspect(bytes.NewReader(file[:n])); !errors.Is(err, codec.ErrTemplate) {
				t.Fatalf("%s: cut after %d bytes: %v", name, n, err)
			}
			broken := io.MultiReader(bytes.NewReader(file[:n]), iotest.ErrReader(io.ErrNoProgress))
			if _, err := Inspect(broken); !errors.Is(err, io.ErrNoProgress) || errors.Is(err, codec.ErrTemplate) {
				t.Fatalf("%s: not to be read after %d bytes: %v", name, n, err)
			}
		}
	}
	one := rawRecord(7, 9)
	if info, err := Inspect(bytes.NewReader(one)); err != nil || info.Size != int64(len(one)) || info.Pack != 0 || !slices.Equal(info.Roots, []string{"07000000"}) {
		t.Errorf("%+v, %v", info, err)
	}
	if _, err := Inspect(bytes.NewReader(append(one, make([]byte, maxTemplate)...))); !errors.Is(err, codec.ErrTemplate) {
		t.Error("longer than a record can be:", err)
	}
}

// A varint has one form, and what a reader says of itself is not said of the pack.
func TestPackErrors(t *testing.T) {
	good := pack(rawRecord(1, 100), rawRecord(2, 3))
	long := append([]byte(PackMagic), 0x8e, 0x00) // 14
	long = append(append(long, rawRecord(2, 3)...), 0, 1)
	for name, file := range map[string][]byte{
		"a length in two bytes":       long,
		"a count in two bytes":        append(bytes.Clone(good[:len(good)-1]), 0x82, 0x00),
		"a length of 70 bits":         append([]byte(PackMagic), "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f"...),
		"a length of more than bytes": append([]byte(PackMagic), bytes.Repeat([]byte{0xff}, 20)...),
	} {
		if _, err := Inspect(bytes.NewReader(file)); !errors.Is(err, codec.ErrTemplate) || !strings.Contains(err.Error(), "shortest form") {
			t.Errorf("%s: %v", name, err)
		}
	}
	broken := errors.New("broken")
	for n := range len(good) + 1 {
		for _, then := range []io.Reader{iotest.ErrReader(broken), bytes.NewReader(good[n:])} { // also where the next read goes well
			_, err := Inspect(io.MultiReader(bytes.NewReader(good[:n]), &failsOnce{broken}, then))
			if !errors.Is(err, broken) {
				t.Errorf("it cannot be read after %d bytes: %v", n, err)
			}
		}
	}
}

// failsOnce is a reader that cannot be read for once, and has nothing.
type failsOnce struct{ err error }

func (f *failsOnce) Read([]byte) (n int, err error) {
	err, f.err = f.err, io.EOF
	return 0, err
}

// FuzzPack reads strangers' packs: no panic, an error that says what is wrong, or parts that are the whole.
func FuzzPack(f *testing.F) {
	f.Add(pack(rawRecord(1, 100), rawRecord(2, 0)))
	f.Add(rawRecord(7, 9))
	f.Add(append([]byte(PackMagic), 0x80, 0x80, 0x00, 0x00)) // varints that are longer than they need be
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, file []byte) {
		info, err := Inspect(bytes.NewReader(file))
		if err == nil && (info.Size != int64(len(file)) || info.Templates+info.Pack != info.Size) {
			t.Errorf("%+v of %d bytes", info, len(file))
		}
		if err != nil && !errors.Is(err, codec.ErrTemplate) {
			t.Error(err)
		}
	})
}

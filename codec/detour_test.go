package codec

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// Rows with numbers: after a row is added, every number after it is one higher, so that most bytes of a row stand one row farther down on the tape as
// well. The rows that were edited are the better reference.
func TestRenumberedRows(t *testing.T) {
	words := strings.Fields(string(text(1<<16, 7)))
	rows := func(skip int) []byte {
		var b bytes.Buffer
		id := 1000
		for i := range 6000 {
			if i == skip {
				continue
			}
			for _, kind := range []string{"north", "south", "east", "west"} {
				fmt.Fprintf(&b, "INSERT INTO support VALUES(%d,'%s',%d,NULL,NULL,'%s');\n", id, kind, i/7*7919%90, strings.Join(words[i/3%1000:][:6], " "))
			}
			id++
		}
		return b.Bytes()
	}
	d := build(t, nil, BuildOptions{}, rows(1000))
	o := d.options()
	var out bytes.Buffer
	st, err := Encode(t.Context(), &out, bytes.NewReader(rows(10)), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes, %d spans", out.Len(), st.Spans)
	if st.Spans > 450 {
		t.Errorf("%d spans for rows in the same order", st.Spans)
	}
	got, err := decodeStream(t.Context(), out.Bytes(), d.open, false)
	if err != nil || !bytes.Equal(got, rows(10)) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// What a stretch of the file would cost on the way follows how much of it has been edited.
func TestPriceOfTheWay(t *testing.T) {
	tape := text(2000, 3)
	same := bytes.Clone(tape[600:1000])
	few := bytes.Clone(same)
	few[100]++
	few[200]++
	shifted := append(append(bytes.Clone(same[:150]), "an insertion"...), same[150:]...)
	d := detours{tape: tape}
	price := func(b []byte, at int) int { return d.price(b, at, nearPrice) }
	a, b, c, n := price(same, 600), price(few, 600), price(shifted, 600), price(noise(400, 9), 600)
	if !(a == 0 && a < b && b < c && c < nearPrice && n >= nearPrice) {
		t.Errorf("the same %d, two bytes %d, an insertion %d, noise %d", a, b, c, n)
	}
	numbers := []byte("row 1007, 2007 and 13; row 1008, 2008 and 13")
	if n := (&detours{tape: []byte("row 1001, 2001 and 13; row 1002, 2002 and 13")}).price(numbers, 0, nearPrice); n != 0 {
		t.Errorf("other numbers cost %d", n)
	}
	if far := price(same, len(tape)+5000); far == 0 || far >= nearPrice {
		t.Errorf("a way beyond the tape: %d", far)
	}
}

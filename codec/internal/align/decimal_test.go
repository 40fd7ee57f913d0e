package align

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
)

// beside tells d of the number now, which stands where the reference has old, and returns how many digits were foreseen and how many of these came.
func beside(d *Decimals, old, now string) (foreseen, came int) {
	d.Begin([]byte(old+","), '(')
	ref := old + ",,,,,,,,,,,,,,,,,,,,"
	for i := range len(now) + 1 {
		if !d.Inside {
			break
		}
		c := (now + ",")[i]
		if x := d.Next(); x >= 0 {
			foreseen++
			if x == int(c) {
				came++
			}
		}
		d.Add(c, ref[i])
	}
	return foreseen, came
}

// Numbers that have become higher by the same are foreseen to the last digit, those that are as they were not at all.
func TestDecimals(t *testing.T) {
	var d Decimals
	if f, _ := beside(&d, "1000", "1007"); f != 0 {
		t.Errorf("%d digits foreseen before anything was learned", f)
	}
	for v := 1001; v < 1010; v++ {
		now := strconv.Itoa(v + 7)
		if f, c := beside(&d, strconv.Itoa(v), now); f != 4 || c != 4 {
			t.Errorf("%d: %d foreseen, %d came", v, f, c)
		}
	}
	if f, c := beside(&d, "0995", "1002"); f != 4 || c != 4 {
		t.Errorf("padded: %d foreseen, %d came", f, c)
	}
	beside(&d, "999", "1006") // one digit longer
	if f, c := beside(&d, "998", "1005"); f != 4 || c != 4 {
		t.Errorf("longer: %d foreseen, %d came", f, c)
	}
	beside(&d, "5000", "5000")
	if f, _ := beside(&d, "5000", "5000"); f != 0 {
		t.Errorf("%d digits foreseen of a number that stays", f)
	}
	if f, c := beside(&d, "1003", "4"); f != 1 || c != 0 || d.Inside {
		t.Errorf("wrong: %d foreseen, %d came", f, c)
	}
}

// Whatever numbers come, nothing breaks: too long ones, none at all, leaps.
func TestAnyDecimals(t *testing.T) {
	var d Decimals
	r := rand.New(rand.NewPCG(1, 1))
	for range 100_000 {
		old, now := fmt.Sprint(r.Uint64()>>r.IntN(64)), fmt.Sprint(r.Uint64()>>r.IntN(64))
		if r.IntN(9) == 0 {
			now += now
		}
		if r.IntN(9) == 0 {
			old += "000"
		}
		if r.IntN(9) == 0 {
			now = ""
		}
		beside(&d, old, now)
		d.End()
	}
}

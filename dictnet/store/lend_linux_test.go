package store

import (
	"bytes"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"
)

// lenders returns some that share a file of one bucket, as processes do; with every note that is put, hours pass, so that any may go.
func lenders(t *testing.T, n int) (all []*unpacked, hours *time.Duration) {
	path := t.TempDir() + "/unpacked"
	hours = new(time.Duration)
	for range n {
		u := newUnpacked(path, unpackedWay*(unpackedNote+unpackedSlot)+2*unpackedPage)
		u.now = func() time.Time { return time.Unix(0, 0).Add(*hours) }
		u.lending.known, u.lending.locks = true, true // wherever temporary files are
		t.Cleanup(u.close)
		all = append(all, u)
	}
	return all, hours
}

// As long as a copy is lent, its bytes stay, whoever wants their place, in this process or another.
func TestLend(t *testing.T) {
	all, hours := lenders(t, 2)
	a, b := all[0], all[1]
	d, raw := digest{31: 1}, held(1, 100000)
	lend := func(u *unpacked) (got []byte, giveBack func()) {
		t.Helper()
		got, _, giveBack = u.lend(d, len(raw))
		if !bytes.Equal(got, raw) {
			t.Fatalf("lent %d other bytes", len(got))
		}
		return got, giveBack
	}
	crowd := func() { // more than there are places
		for i := range 3 * unpackedWay {
			*hours += 2 * time.Hour
			all[i%2].put(digest{0: byte(i)}, held(i, 5000+i))
		}
	}
	nothing := func(digest) (bool, error) { return false, nil }
	a.put(d, raw)
	got, giveBack := lend(a)
	_, again := lend(a)
	_, other := lend(b)
	for _, back := range []func(){giveBack, again, other} {
		crowd()
		for _, u := range all {
			if err := u.keepOnly(nothing); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(got, raw) {
			t.Fatal("the bytes changed")
		}
		back()
		got, giveBack = lend(b)
		giveBack()
		got, giveBack = lend(a) // beside those that are still to be given back
		defer giveBack()
	}
}

// What has been given back may go, as what was never lent.
func TestLendEnds(t *testing.T) {
	all, hours := lenders(t, 2)
	d, raw := digest{31: 1}, held(1, 100000)
	for _, u := range all {
		for _, collect := range []bool{false, true} {
			u.put(d, raw)
			_, _, giveBack := all[0].lend(d, len(raw))
			_, _, again := all[1].lend(d, len(raw))
			giveBack()
			again()
			if collect {
				if err := u.keepOnly(func(digest) (bool, error) { return false, nil }); err != nil {
					t.Fatal(err)
				}
			} else {
				for i := range 2 * unpackedWay {
					*hours += 2 * time.Hour
					u.put(digest{0: byte(i)}, held(i, 5000))
				}
			}
			if got, _ := u.get(d, len(raw)); got != nil {
				t.Errorf("still kept (collected: %v)", collect)
			}
			if n := len(all[0].lending.times) + len(all[1].lending.times); n > 0 {
				t.Errorf("%d places are not given back", n)
			}
		}
	}
}

// A copy that is damaged, or has been cut off, is not lent.
func TestLendNothingWrong(t *testing.T) {
	all, _ := lenders(t, 1)
	u := all[0]
	d, raw := digest{31: 1}, held(1, 100000)
	if raw, _, giveBack := u.lend(d, len(raw)); raw != nil || giveBack != nil {
		t.Error("lent what nobody has kept")
	}
	u.put(d, raw)
	if raw, _, _ := u.lend(d, len(raw)-1); raw != nil {
		t.Error("lent another length")
	}
	f, _ := u.open(false)
	place, _, ok := u.find(f, d, len(raw))
	if !ok {
		t.Fatal("not kept")
	}
	if _, err := f.WriteAt([]byte{raw[70000] ^ 1}, u.noteOffset(place)+70000); err != nil {
		t.Fatal(err)
	}
	if raw, _, _ := u.lend(d, len(raw)); raw != nil {
		t.Error("lent what is damaged")
	}
	u.put(d, raw) // it is not lent still
	got, _, giveBack := u.lend(d, len(raw))
	if !bytes.Equal(got, raw) {
		t.Error("not kept again")
	}
	giveBack()
	if err := f.Truncate(u.noteOffset(place) + 50000); err != nil {
		t.Fatal(err)
	}
	if raw, _, _ := u.lend(d, len(raw)); raw != nil {
		t.Error("lent what was cut off")
	}
}

// Whoever borrows beside whom who writes, what is lent is what was kept, as long as it is.
func TestLendBesideOthers(t *testing.T) {
	path := t.TempDir() + "/unpacked"
	var work sync.WaitGroup
	var lent [4]int
	for k := range lent { // each is as a process of its own
		u := newUnpacked(path, unpackedWay*(unpackedNote+unpackedSlot)+2*unpackedPage)
		u.lending.known, u.lending.locks = true, true
		defer u.close()
		var mu sync.Mutex
		var hours int64
		u.now = func() time.Time {
			mu.Lock()
			defer mu.Unlock()
			hours++
			return time.Unix(hours*7200, 0) // so that anything may go
		}
		for part := range 2 { // two goroutines of it
			r := rand.New(rand.NewPCG(uint64(k), uint64(part)))
			work.Go(func() {
				for range 300 {
					i := r.IntN(40)
					want := held(i, 1000+i*4000)
					raw, _, giveBack := u.lend(digest{0: byte(i)}, len(want))
					if raw == nil {
						u.put(digest{0: byte(i)}, want)
						continue
					}
					for range r.IntN(20) {
						runtime.Gosched()
					}
					if !bytes.Equal(raw, want) {
						t.Errorf("note %d has other bytes", i)
					}
					giveBack()
					if part == 0 {
						mu.Lock()
						lent[k]++
						mu.Unlock()
					}
				}
			})
		}
	}
	work.Wait()
	for _, n := range lent {
		if n < 20 {
			t.Errorf("lent %v of 300 each", lent)
			break
		}
	}
}

package mix

import (
	"bytes"
	"slices"
	"testing"
)

// What stood anywhere before is recalled once as many bytes agree as a recall asks for, not sooner, and the latest place is the one where each is noted.
func TestRecall(t *testing.T) {
	phrase := []byte("what stood here before may come again")
	win := slices.Concat(noise(5000, 1), phrase, []byte{'A'}, noise(3000, 2), phrase, []byte{'B'}, noise(2000, 3), phrase)
	for _, r := range newRecalls(14) {
		known := len(win) - len(phrase)
		r.note(win, recallFrom, known)
		for n := known + 1; n <= len(win); n++ {
			r.add(win[:n])
			r.look(win[:n])
			agreed := n - known
			if agreed < r.least && r.guess.value >= 0 && r.len > agreed {
				t.Errorf("least %d: %d bytes are said to agree after %d", r.least, r.len, agreed)
			}
			if agreed >= r.least+r.every && r.guess.value < 0 {
				t.Errorf("least %d: nothing is recalled after %d bytes", r.least, agreed)
			}
		}
		if r.guess.value != 'B' && (r.every == 1 || r.guess.value != 'A') {
			t.Errorf("least %d: %d is expected, want %d", r.least, r.guess.value, 'B')
		}
		r.add(append(slices.Clip(win), 'C'))
		if r.len >= r.least {
			t.Errorf("least %d: a byte that was not expected leaves %d that agree", r.least, r.len)
		}
	}
}

// A text that repeats what stands far away in a long reference takes next to nothing, though no hint leads there and tables of histories have long forgotten it.
func TestRecalledIsCheap(t *testing.T) {
	ref := noise(1<<20, 4)
	raw := slices.Concat(ref[700_000:701_000], ref[100_000:101_000], ref[900_000:901_000])
	if n := roundTrip(t, raw, ref, nil); n > 150 {
		t.Errorf("3 passages of a reference take %d bytes, want at most 150", n)
	}
}

// What comes of a probability where others as high came true or not is learned, in its own context only.
func TestRefined(t *testing.T) {
	var r refined
	r.init(refinedBits)
	for _, x := range []int32{-limit, -1000, -1, 0, 1, 127, 128, 2000, limit} {
		if p, want := r.refine(x, 1), squash(x); p < want-700 || p > want+700 {
			t.Errorf("%d: %d before anything is learned, want about %d", x, p, want)
		}
	}
	for range 500 {
		r.refine(1000, 1)
		r.learn(0)
	}
	if p := r.refine(1000, 1); p > 1<<14 {
		t.Errorf("a bit that never came has %d/65536", p)
	}
	if p, want := r.refine(1000, 2), squash(1000); p < want-700 {
		t.Errorf("in another context it has %d/65536, want about %d", p, want)
	}
}

// Whatever the reference is, also shorter than what is recalled, the text comes back.
func TestRehearsalOfShortReferences(t *testing.T) {
	text := bytes.Repeat([]byte("one text, and again "), 200)
	for _, n := range []int{0, 1, 7, 8, 31, 32, 33, passage - 1, passage, passage + 1, 3*passage + 5} {
		roundTrip(t, text, text[:n], nil)
	}
}

package align

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

func code(words ...uint32) (b []byte) {
	for _, w := range words {
		b = binary.LittleEndian.AppendUint32(b, w)
	}
	return b
}

// What instructions say is what an assembler makes of it.
func TestOperands(t *testing.T) {
	const tape, nop = 0x10000, 0xd503201f
	for _, c := range []struct {
		name  string
		code  []byte
		at    int
		place uint32 // 0: there is none
	}{
		{"bl .+0x40", code(0x94000010), 0, tape + 0x40},
		{"b .-4", code(nop, 0x17ffffff), 4, tape},
		{"bl .-0x8000000", code(0x96000000), 0, tape + 0xf8000000},
		{"b.eq .+8", code(0x54000040), 0, 0},
		{"adrp x0, .+0x1000", code(0xb0000000), 0, 3<<30 + tape>>12 + 1},
		{"adrp x1, .-0x1000", code(0xf0ffffe1), 0, 3<<30 + tape>>12 - 1},
		{"adrp x0, .+0x12345000", code(0xb0091a20), 0, 3<<30 + tape>>12 + 0x12345},
		{"adr x0, .+4", code(0x10000020), 0, 0},
		{"add x0, x0, #0x123 behind adrp", code(0xb0000000, 0x91048c00), 5, 2<<30 + tape + 0x1123},
		{"ldr x1, [x0, #0x18] behind adrp and others", code(0xb0000000, nop, nop, 0xf9400c01), 13, 2<<30 + tape + 0x1018},
		{"strb w1, [x0, #5]", code(0x90000000, 0x39001401), 5, 2<<30 + tape + 5},
		{"add behind the adrp of another register", code(0xb0000001, 0x91048c00), 5, 0},
		{"add behind two adrp", code(0xb0000000, 0x90000000, 0x91048c00), 9, 2<<30 + tape + 0x123},
		{"add too far behind", append(code(0xb0000000, nop, nop, nop, nop, nop, nop, nop, nop), code(0x91048c00)...), 37, 0},
		{"add at the begin", code(0x91048c00), 1, 0},
		{"bl at an odd place", append([]byte{0}, code(0x94000010)...), 1, 0},
	} {
		src := append(c.code, 1, 2, 3)
		at, file := tape+uint32(c.at), uint32(0x7000+c.at)
		o, ok := OperandAt(src, c.at, at, file)
		if ok != (c.place != 0) || ok && o.Place != c.place {
			t.Errorf("%s: place %#x, %v, want %#x", c.name, o.Place, ok, c.place)
		}
		if ok && !MayBeOperand(binary.LittleEndian.Uint32(src[c.at:]), file) {
			t.Errorf("%s: may be none", c.name)
		}
	}
}

// An instruction that is further by so much is found to be that.
func TestOperandsMove(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	kinds := make(map[operandForm]int)
	for range 200_000 {
		register := r.Uint32N(32)
		src := code(0x90000000|r.Uint32()&0x60ffffe0|register, r.Uint32(), 0)
		switch r.IntN(4) {
		case 0:
			binary.LittleEndian.PutUint32(src[4:], 0x14000000|r.Uint32()&0x83ffffff)
		case 1:
			binary.LittleEndian.PutUint32(src[4:], 0x90000000|r.Uint32()&0x60ffffff)
		case 2:
			binary.LittleEndian.PutUint32(src[4:], 0x39000000|r.Uint32()&0xc0fffc1f|register<<5)
		}
		at := 4 + r.IntN(2)
		tape := r.Uint32()
		o, ok := OperandAt(src, at, tape, (tape+r.Uint32N(1<<20))&^3+uint32(at))
		if !ok {
			continue
		}
		kinds[o.form]++
		by := r.Uint32N(1 << 20)
		if o.form == inPage {
			by &= inPageMask
		} else if r.IntN(2) == 0 {
			by = -by
		}
		v, w, ok := o.Further(by)
		if !ok {
			if o.form == inPages || (by-o.Shift)&7 == 0 {
				t.Fatalf("%+v: nothing is further by %d", o, by)
			}
			continue
		}
		whole := binary.LittleEndian.Uint32(src[at-o.Skip:])
		if v != whole>>(8*o.Skip) {
			t.Fatalf("%+v: %#x, want %#x", o, v, whole)
		}
		moved := whole&(1<<(8*o.Skip)-1) | w<<(8*o.Skip)
		if got, ok := o.By(moved); !ok || got != by {
			t.Fatalf("%+v: %#x is further by %d, %v, want %d", o, moved, int32(got), ok, int32(by))
		}
		if _, ok := o.By(moved ^ 1<<31); ok {
			t.Fatalf("%+v: what is another instruction is further", o)
		}
	}
	if len(kinds) != 3 {
		t.Errorf("kinds: %v", kinds)
	}
}

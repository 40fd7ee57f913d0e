package hugepage

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"testing"
	"unsafe"
)

// TestAdvice asks the kernel what it knows of the memory: "hg" is the flag of what may have large pages (proc(5), smaps).
func TestAdvice(t *testing.T) {
	s := Slice[byte](16 << 20)
	const knob = "/sys/kernel/mm/transparent_hugepage/enabled"
	_, err := os.Stat(knob)
	want := err == nil // else the kernel has none
	for _, at := range []int{0, len(s) / 2, len(s) - 1} {
		if got := advised(t, uintptr(unsafe.Pointer(&s[at]))); got != want {
			t.Errorf("byte %d: may have large pages: %v, want %v", at, got, want)
		}
	}
	s[0] = 1 // it lives to here
}

// advised looks into the mapping that holds an address.
func advised(t *testing.T, addr uintptr) bool {
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	in := false
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var from, to uintptr
		if n, _ := fmt.Sscanf(lines.Text(), "%x-%x ", &from, &to); n == 2 {
			in = from <= addr && addr < to
		} else if flags, ok := strings.CutPrefix(lines.Text(), "VmFlags:"); ok && in {
			return strings.Contains(flags+" ", " hg ")
		}
	}
	t.Fatalf("no mapping holds %#x", addr)
	return false
}

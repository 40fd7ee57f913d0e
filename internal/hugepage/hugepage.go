// Package hugepage makes memory that the system may give in pages of 2 MiB where it does so for those that ask. Of small pages each is a fault when it is first
// touched, and an address to be looked up: for what a codec takes at once, that is up to half of its time.
package hugepage

import (
	"sync"
	"unsafe"
)

// growth is by how much the heap of Go's runtime grows, aligned alike (pallocChunkBytes in runtime/mpalloc.go): what lies around something new is new as well,
// and if it is not, or not there, the system takes no harm from the advice.
const growth = 4 << 20

// least is for how many bytes it is worth to ask.
const least = 32 << 10

// Slice returns n zeros.
func Slice[T any](n int) []T {
	s := make([]T, n)
	if n > 0 {
		ask(uintptr(unsafe.Pointer(&s[0])), uintptr(n)*unsafe.Sizeof(s[0]))
	}
	return s
}

// New returns a zero.
func New[T any]() *T {
	p := new(T)
	ask(uintptr(unsafe.Pointer(p)), unsafe.Sizeof(*p))
	return p
}

// Grow returns b with room for n more values, as slices.Grow does.
func Grow[T any](b []T, n int) []T {
	if cap(b)-len(b) >= n {
		return b
	}
	return append(Slice[T](len(b) + n)[:0], b...)
}

func ask(at, size uintptr) {
	if size >= least {
		from := at &^ (growth - 1)
		advise(from, (at+size+growth-1)&^(growth-1)-from)
	}
}

// Pool keeps memory to be used again. It is safe for concurrent use.
type Pool struct{ idle sync.Pool }

// Get returns an empty slice with room for n bytes, which is given back by Put.
func (p *Pool) Get(n int) *[]byte {
	b, _ := p.idle.Get().(*[]byte)
	if b == nil || cap(*b) < n {
		b = new([]byte)
		*b = Slice[byte](n)
	}
	*b = (*b)[:0]
	return b
}

// Put takes what Get has returned, of which nobody uses anything any more.
func (p *Pool) Put(b *[]byte) { p.idle.Put(b) }

package main

import (
	"encoding/binary"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// dropUnused gives back the pages of the binary that only the start has used: package initialisers lie all over it, and where the kernel
// keeps files in large folios it maps all of them around every page that is touched, the whole binary in the end. They
// are pages of a file, shared by all who run it; what is used again is mapped again, from memory. Where anything is not as expected, it
// does nothing. Every verb calls it once: its own pages come on top of these otherwise.
func dropUnused() {
	const (
		entryPhdr, entryPhnum = 3, 5 // AT_PHDR, AT_PHNUM of getauxval(3)
		typeLoad, typePhdr    = 1, 6 // PT_LOAD, PT_PHDR of elf(5)
		writable              = 2    // PF_W
	)
	auxv, err := os.ReadFile("/proc/self/auxv")
	if err != nil || unsafe.Sizeof(uintptr(0)) != 8 {
		return
	}
	var table, count uint64
	for ; len(auxv) >= 16; auxv = auxv[16:] {
		switch value := binary.NativeEndian.Uint64(auxv[8:]); binary.NativeEndian.Uint64(auxv) {
		case entryPhdr:
			table = value
		case entryPhnum:
			count = value
		}
	}
	if table == 0 || count == 0 || count > 64 {
		return
	}
	type header struct { // Elf64_Phdr
		Type, Flags                                uint32
		Offset, Vaddr, Paddr, Filesz, Memsz, Align uint64
	}
	headers := unsafe.Slice((*header)(pointerTo(table)), count)
	var bias uint64
	for _, h := range headers {
		if h.Type == typePhdr {
			bias = table - h.Vaddr
		}
	}
	page := uint64(os.Getpagesize())
	for _, h := range headers {
		if h.Type != typeLoad || h.Flags&writable != 0 {
			continue // what may have been changed since it was loaded stays
		}
		begin := (bias + h.Vaddr + page - 1) / page * page
		end := (bias + h.Vaddr + h.Filesz) / page * page
		if begin < end {
			unix.Madvise(unsafe.Slice((*byte)(pointerTo(begin)), end-begin), unix.MADV_DONTNEED)
		}
	}
}

// pointerTo is for addresses outside Go's heap.
func pointerTo(address uint64) unsafe.Pointer {
	a := uintptr(address)
	return *(*unsafe.Pointer)(unsafe.Pointer(&a))
}

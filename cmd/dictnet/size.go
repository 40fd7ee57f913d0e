package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// byteSize is a flag that holds a number of bytes, as 1073741824, 1GiB, 1G (the same) or 1GB (1,000,000,000).
type byteSize int64

var sizeUnits = map[string]float64{
	"": 1, "b": 1,
	"k": 1 << 10, "kib": 1 << 10, "kb": 1e3,
	"m": 1 << 20, "mib": 1 << 20, "mb": 1e6,
	"g": 1 << 30, "gib": 1 << 30, "gb": 1e9,
	"t": 1 << 40, "tib": 1 << 40, "tb": 1e12,
}

func (b *byteSize) Set(s string) error {
	digits := strings.TrimRight(s, "KMGTBIkmgtbi ")
	unit, ok := sizeUnits[strings.ToLower(strings.TrimSpace(s[len(digits):]))]
	n, err := strconv.ParseFloat(strings.TrimSpace(digits), 64)
	if !ok || err != nil || !(n >= 0) || n*unit >= math.MaxInt64 {
		return fmt.Errorf("%q is no size; as 10GiB", s)
	}
	*b = byteSize(n * unit)
	return nil
}

func (b *byteSize) String() string { return strconv.FormatInt(int64(*b), 10) }
func (b *byteSize) Type() string   { return "size" }

package main

import "testing"

func TestByteSize(t *testing.T) {
	for text, want := range map[string]byteSize{
		"0": 0, "1": 1, "1073741824": 1 << 30, "1GiB": 1 << 30, "1 gib": 1 << 30, "1G": 1 << 30, "1gb": 1e9, "1.5k": 1536, "2TiB": 2 << 40, "512 B": 512,
	} {
		var b byteSize
		if err := b.Set(text); err != nil || b != want {
			t.Errorf("%q is %d, %v; want %d", text, b, err, want)
		}
	}
	for _, text := range []string{"", "GiB", "-1", "1X", "1GiBB", "NaN", "Inf", "1e30", "9223372036854775808", "8388608TiB", "1 2"} {
		var b byteSize = 7
		if err := b.Set(text); err == nil || b != 7 {
			t.Errorf("%q is %d, %v", text, b, err)
		}
	}
}

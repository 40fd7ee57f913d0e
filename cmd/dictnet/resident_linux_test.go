package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// fileResident returns how much of files this process has mapped, in kB.
func fileResident(t *testing.T) (kb int) {
	t.Helper()
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(b), "RssFile:")
	if _, err := fmt.Sscan(rest, &kb); !ok || err != nil {
		t.Fatal(err)
	}
	return kb
}

// The pages that only the start has used are given back, and the program is as it was.
func TestDropUnused(t *testing.T) {
	before := fileResident(t)
	dropUnused()
	if after := fileResident(t); after >= before {
		t.Errorf("%d kB of files were resident, now %d", before, after)
	}
	for range 3 { // code and tables, read again
		dropUnused()
		if exitCode(usageErrorf("", "%w", os.ErrNotExist)) != exitUsage || !strings.Contains(new(app).command().Long, "Exit codes") {
			t.Error("the program is not as it was")
		}
	}
}

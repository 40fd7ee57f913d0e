package main

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"testing"
	"time"
)

// As the binary, the test says what its argument is, and takes its time to end.
func TestMain(m *testing.M) {
	ended := os.Getenv("DEMO_TEST_ENDED")
	if ended == "" {
		os.Exit(m.Run())
	}
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt)
	fmt.Println(os.Args[1])
	select {
	case <-interrupted:
		time.Sleep(200 * time.Millisecond)
		os.WriteFile(ended, nil, 0o666)
	case <-time.After(20 * time.Second):
	}
}

// What the demo started has ended when it returns, whether its result could be read or not.
func TestStop(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		said string
		good bool
	}{{"{}", true}, {"no JSON", false}} {
		ended := filepath.Join(t.TempDir(), "ended")
		t.Setenv("DEMO_TEST_ENDED", ended)
		d := newDemo(t.Context(), t.TempDir())
		d.binary = self
		var result struct{}
		if err := d.serve(&result, test.said); (err == nil) != test.good {
			t.Errorf("%s: %v", test.said, err)
		}
		d.stop()
		if _, err := os.Stat(ended); err != nil {
			t.Errorf("%s: it goes on: %v", test.said, err)
		}
	}
}

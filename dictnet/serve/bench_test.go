package serve

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"sync"
	"testing"
	"time"
)

// BenchmarkClients has so many clients fetch one dictionary of 16 MiB at once over raw blocks, each over 8 connections of its own, and
// check every block. The clients run in this process and take most of its time, so what counts is the ratio between the rows:
// MB/s of all clients together. mem-MB is the most that the whole process had from the system.
func BenchmarkClients(b *testing.B) {
	const notes, size = 128, 128 << 10
	for _, clients := range []int{1, 10, 100} {
		b.Run(fmt.Sprint(clients), func(b *testing.B) {
			s := start(b, Options{}, notes, size)
			var each []*http.Client
			for range clients {
				t := &http.Transport{MaxIdleConnsPerHost: 8, DisableCompression: true}
				b.Cleanup(t.CloseIdleConnections)
				each = append(each, &http.Client{Transport: t})
			}
			b.SetBytes(int64(clients * notes * size))
			var most uint64
			for b.Loop() {
				var wg sync.WaitGroup
				for _, c := range each {
					work := make(chan int)
					for range 8 {
						wg.Go(func() {
							for i := range work {
								if err := s.fetchOne(c, i); err != nil {
									b.Error(err)
								}
							}
						})
					}
					wg.Go(func() {
						for i := range notes {
							work <- i
						}
						close(work)
					})
				}
				ended := make(chan struct{})
				go func() { wg.Wait(); close(ended) }()
				for running := true; running; {
					var m runtime.MemStats
					runtime.ReadMemStats(&m)
					most = max(most, m.Sys-m.HeapReleased)
					select {
					case <-ended:
						running = false
					case <-time.After(200 * time.Millisecond):
					}
				}
			}
			b.ReportMetric(float64(most)/1e6, "mem-MB")
		})
	}
}

func (s *served) fetchOne(c *http.Client, i int) error {
	n := s.notes[i]
	resp, err := c.Get(s.url + "/ipfs/" + n.CID.String() + "?format=raw")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	h := sha256.New()
	if _, err := io.Copy(h, resp.Body); err != nil || resp.StatusCode != http.StatusOK || string(h.Sum(nil)) != string(n.CID.Hash()[2:]) {
		return fmt.Errorf("%s: %s, %v", n.CID, resp.Status, err)
	}
	return nil
}

// BenchmarkNotThere asks for blocks that are not in the store.
func BenchmarkNotThere(b *testing.B) {
	s := start(b, Options{}, 1, 100)
	for b.Loop() {
		if resp, _ := s.ask(b, "GET", "/ipfs/bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy?format=raw"); resp.StatusCode != 404 {
			b.Fatal(resp.Status)
		}
	}
}

package serve

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/ipfs/go-cid"
	carv2 "github.com/ipld/go-car/v2"

	"dictnet/dictnet"
)

// What leads to spans of a tape, as a CAR: the manifest first, then what is on the way, then the notes, and no more than a prelude has.
func TestPreludes(t *testing.T) {
	s := start(t, Options{}, 300, 10_000)
	ask := func(spans string) (*http.Response, []byte) {
		t.Helper()
		return s.ask(t, "GET", "/ipfs/"+s.ref.Manifest.String()+"?format=car&dag-scope=block&spans="+spans)
	}
	blocks := func(body []byte) (names []cid.Cid) {
		t.Helper()
		r, err := carv2.NewBlockReader(bytes.NewReader(body)) // which checks the digests
		if err != nil {
			t.Fatal(err)
		}
		for {
			b, err := r.Next()
			if err == io.EOF {
				return names
			}
			if err != nil {
				t.Fatal(err)
			}
			names = append(names, b.Cid())
		}
	}
	resp, body := ask("2570010:1,5:5")
	got := blocks(body)
	if resp.StatusCode != 200 || !strings.HasPrefix(resp.Header.Get("Content-Type"), "application/vnd.ipld.car") || len(got) != 6 || // manifest, branch, page, note; page, note
		got[0] != s.ref.Manifest || got[3] != s.notes[257].CID || got[5] != s.notes[0].CID {
		t.Errorf("%s: %v", resp.Status, got)
	}
	if h := resp.Header; strings.Contains(h.Get("Cache-Control"), "immutable") || !strings.HasPrefix(h.Get("Content-Disposition"), "attachment") {
		t.Errorf("headers %v: notes that come here later are part of it then", h)
	}
	if _, body := ask("0:3000000"); len(body) < dictnet.PreludeBytes || len(body) > dictnet.PreludeBytes+300<<10 {
		t.Errorf("%d bytes of the whole", len(body))
	}
	if _, body := ask("99999999999:5"); len(blocks(body)) != 1 {
		t.Error("beyond the tape is something")
	}
	for _, bad := range []string{"", "x", "0:0", strings.Repeat("0:1,", 100) + "0:1"} {
		if resp, _ := ask(bad); resp.StatusCode != http.StatusBadRequest {
			t.Errorf("spans=%.20s: %s", bad, resp.Status)
		}
	}
	if resp, body := s.ask(t, "GET", fmt.Sprintf("/ipfs/%s?format=car&spans=0:1", s.notes[0].CID)); resp.StatusCode != 200 || len(blocks(body)) != 0 {
		t.Errorf("of a note: %s, %d bytes", resp.Status, len(body))
	}
	if resp, _ := s.ask(t, "GET", "/ipfs/bafyreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy?format=car&spans=0:1"); resp.StatusCode != http.StatusNotFound {
		t.Errorf("of what is not here: %s", resp.Status)
	}
	if resp, body := s.ask(t, "GET", fmt.Sprintf("/ipfs/%s?format=raw&spans=x", s.notes[0].CID)); resp.StatusCode != 200 || !bytes.Equal(body, s.notes[0].Data) {
		t.Errorf("a raw block: %s", resp.Status)
	}
}

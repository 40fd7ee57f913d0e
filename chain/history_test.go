package chain

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
)

// narrow is a node that gives the events of so many blocks at a time and no more, as public ones do.
type narrow struct {
	node  string
	most  uint64 // blocks
	code  int    // HTTP status of a refusal
	asked int    // calls for events
}

func (n *narrow) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	var request struct {
		ID     json.RawMessage
		Method string
		Params []struct{ FromBlock, ToBlock string }
	}
	if json.Unmarshal(body, &request) == nil && request.Method == "eth_getLogs" {
		n.asked++
		from, _ := strconv.ParseUint(request.Params[0].FromBlock, 0, 64)
		to, _ := strconv.ParseUint(request.Params[0].ToBlock, 0, 64)
		if to-from+1 > n.most {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(n.code)
			fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"error":{"code":-32005,"message":"block range too wide"}}`, request.ID)
			return
		}
	}
	resp, err := http.Post(n.node, "application/json", bytes.NewReader(body))
	if err != nil {
		http.Error(w, err.Error(), 502)
		return
	}
	defer resp.Body.Close()
	w.Header().Set("Content-Type", "application/json")
	io.Copy(w, resp.Body)
}

func TestHistoryFromANarrowNode(t *testing.T) {
	dev := startDev(t)
	owner, registry, id := registered(t, dialTest(t, dev.URL()), [32]byte{})
	tape := newTape("narrow", 100)
	var size uint64
	for i := range 30 {
		v := tape.version(t, size+3)
		if _, err := registry.Publish(t.Context(), owner, id, tape.version(t, size), v, manifestOf(v), tape.proof(t, size, size+3)); err != nil {
			t.Fatal(err)
		}
		size += 3
		if i%10 == 5 {
			dev.Mine(40) // nothing for a while
		}
		if i%7 == 3 {
			if _, err := registry.Deprecate(t.Context(), owner, id, 1, strconv.Itoa(i)); err != nil {
				t.Fatal(err)
			}
		}
	}
	want, err := registry.History(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	for i, most := range []uint64{1, 2, 5, 16, 1000} {
		// Some providers refuse with a status that is no success.
		code := []int{http.StatusOK, http.StatusRequestEntityTooLarge, http.StatusBadRequest}[i%3]
		n := &narrow{node: dev.URL(), most: most, code: code}
		s := httptest.NewServer(n)
		narrowed, err := Open(t.Context(), dialTest(t, s.URL), registry.Address())
		if err != nil {
			t.Fatal(err)
		}
		got, err := narrowed.History(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Entries) != len(want.Entries) || got.Head != want.Head {
			t.Errorf("%d blocks at a time: %d entries, want %d", most, len(got.Entries), len(want.Entries))
		}
		t.Logf("%d blocks at a time: %d calls for %d entries", most, n.asked, len(got.Entries))
		s.Close()
	}
}

package chain

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync/atomic"
	"testing"
	"time"
)

// narrow is a node that gives the events of so many blocks at a time and no more, as public ones do.
type narrow struct {
	node   string
	most   uint64 // blocks
	refuse func(w http.ResponseWriter, r *http.Request, id json.RawMessage)
	asked  atomic.Int64 // calls for events; one that the client gave up may still be counted beside the next
}

// refuseWith returns an error as nodes do, with an HTTP status.
func refuseWith(status int) func(http.ResponseWriter, *http.Request, json.RawMessage) {
	return func(w http.ResponseWriter, _ *http.Request, id json.RawMessage) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"error":{"code":-32005,"message":"block range too wide"}}`, id)
	}
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
		n.asked.Add(1)
		from, _ := strconv.ParseUint(request.Params[0].FromBlock, 0, 64)
		to, _ := strconv.ParseUint(request.Params[0].ToBlock, 0, 64)
		if to-from+1 > n.most {
			n.refuse(w, r, request.ID)
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
	for _, test := range []struct {
		name   string
		most   []uint64 // blocks
		refuse func(http.ResponseWriter, *http.Request, json.RawMessage)
	}{
		{"refuses", []uint64{1, 16, 1000}, refuseWith(http.StatusOK)},
		// Some providers refuse with a status that is no success.
		{"refuses with status 413", []uint64{2}, refuseWith(http.StatusRequestEntityTooLarge)},
		{"refuses with status 400", []uint64{5}, refuseWith(http.StatusBadRequest)},
		{"a server before the node has waited too long for it", []uint64{1, 5}, func(w http.ResponseWriter, _ *http.Request, _ json.RawMessage) {
			http.Error(w, "<html>504 Gateway Time-out</html>", http.StatusGatewayTimeout)
		}},
		{"breaks off", []uint64{5}, func(w http.ResponseWriter, _ *http.Request, id json.RawMessage) {
			fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":[`, id)
		}},
		{"does not answer in time", []uint64{40}, func(_ http.ResponseWriter, r *http.Request, _ json.RawMessage) { <-r.Context().Done() }},
		{"leaves events out", []uint64{1, 5}, func(w http.ResponseWriter, _ *http.Request, id json.RawMessage) {
			fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":[]}`, id)
		}},
	} {
		for _, most := range test.most {
			n := &narrow{node: dev.URL(), most: most, refuse: test.refuse}
			s := httptest.NewServer(n)
			client, err := Dial(t.Context(), s.URL, WithTimeout(2*time.Second))
			if err != nil {
				t.Fatal(err)
			}
			narrowed, err := Open(t.Context(), client, registry.Address())
			if err != nil {
				t.Fatal(err)
			}
			got, err := narrowed.History(t.Context(), id)
			if err != nil {
				t.Errorf("%s, %d blocks at a time: %v", test.name, most, err)
			} else if len(got.Entries) != len(want.Entries) || got.Head != want.Head {
				t.Errorf("%s, %d blocks at a time: %d entries, want %d", test.name, most, len(got.Entries), len(want.Entries))
			}
			t.Logf("%s, %d blocks at a time: %d calls for %d entries", test.name, most, n.asked.Load(), len(want.Entries))
			client.Close()
			s.Close()
		}
	}
}

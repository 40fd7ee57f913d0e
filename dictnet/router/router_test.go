package router

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ipfs/go-cid"

	"dictnet/codec"
	"dictnet/dictnet"
	"dictnet/dictnet/ipfs"
	"dictnet/dictnet/manifest"
	"dictnet/dictnet/store"
)

// home makes a store with a dictionary of two notes.
func home(t *testing.T) (*store.Store, codec.DictionaryRef) {
	t.Helper()
	s, err := store.Open(t.TempDir(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	ref, err := manifest.Append(t.Context(), s, cid.Undef, func(yield func(manifest.Note, error) bool) {
		for i := range 2 {
			b, err := codec.SealNote([]byte(strings.Repeat(fmt.Sprint("note ", i), 50)))
			if err == nil {
				err = s.Put(t.Context(), b.CID, b.Data)
			}
			if !yield(manifest.Note{CID: b.CID, RawLen: b.RawLen}, err) {
				return
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return s, ref
}

// gatewayOf serves a store over HTTP, and returns its multiaddr.
func gatewayOf(t *testing.T, s *store.Store) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := cid.Decode(strings.TrimPrefix(r.URL.Path, "/ipfs/"))
		if err == nil && !strings.Contains(r.URL.RawQuery, "car") {
			if data, err := s.Get(r.Context(), c); err == nil {
				w.Write(data)
				return
			}
		}
		http.NotFound(w, r)
	}))
	t.Cleanup(server.Close)
	host, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	return "/ip4/" + host + "/tcp/" + port + "/http"
}

// routerOf names providers for one CID, and nobody for others.
func routerOf(t *testing.T, c cid.Cid, providers ...provider) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/routing/v1/providers/"+c.String() {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(map[string]any{"Providers": providers})
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// pull fetches a dictionary into an empty store by a router alone.
func pull(t *testing.T, base string, ref codec.DictionaryRef, dial func([]string) (dictnet.Source, error)) error {
	t.Helper()
	r, err := New(base, dial)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	s, err := store.Open(t.TempDir(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	client := dictnet.NewClient(dictnet.Options{Store: s, Sources: []dictnet.Source{r}, Timeout: 2 * time.Second, Idle: 200 * time.Millisecond})
	defer client.Close()
	return client.Pull(t.Context(), ref, "", nil)
}

// Who has the manifest is asked for the notes too: by HTTP, or by bitswap.
func TestRouted(t *testing.T) {
	s, ref := home(t)
	at := gatewayOf(t, s)
	if err := pull(t, routerOf(t, ref.Manifest, provider{Schema: "peer", ID: "12D3KooWWeb", Addrs: []string{at}, Protocols: []string{"transport-ipfs-gateway-http"}}), ref, nil); err != nil {
		t.Errorf("from a gateway: %v", err)
	}

	node, err := ipfs.Start(ipfs.Options{Blocks: s.Blocks(), Listen: []string{"/ip4/127.0.0.1/tcp/0"}})
	if err != nil {
		t.Fatal(err)
	}
	defer node.Close()
	full := node.Addrs()[0]
	addr, _, _ := strings.Cut(full, "/p2p/")
	empty, err := store.Open(t.TempDir(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer empty.Close()
	dial := func(peers []string) (dictnet.Source, error) {
		return ipfs.Start(ipfs.Options{Blocks: empty.Blocks(), Peers: peers})
	}
	for name, p := range map[string]provider{
		"peer":    {Schema: "peer", ID: node.ID(), Addrs: []string{addr}, Protocols: []string{"transport-bitswap"}},
		"bitswap": {Schema: "bitswap", ID: node.ID(), Addrs: []string{full}, Protocol: "transport-bitswap"},
	} {
		if err := pull(t, routerOf(t, ref.Manifest, p), ref, dial); err != nil {
			t.Errorf("from a node, schema %s: %v", name, err)
		}
	}

	// A provider that is gone does not hinder the next.
	gone := provider{Schema: "peer", ID: "gone", Addrs: []string{"/ip4/127.0.0.1/tcp/1/http"}}
	if err := pull(t, routerOf(t, ref.Manifest, gone, provider{Schema: "peer", ID: "here", Addrs: []string{at}}), ref, nil); err != nil {
		t.Errorf("after one that is gone: %v", err)
	}
}

// Of whom the router names no address it is asked where he is. One that does not answer that, or not in time, hinders nobody whose address is known.
func TestProvidersWithoutAddresses(t *testing.T) {
	s, ref := home(t)
	at := gatewayOf(t, s)
	const id, lost = "12D3KooWB84AxysK1FBr2WGZ7FEnh7wiGssVnmWkyaA1FT9dKszU", "12D3KooWB84AxysK1FBr2WGZ7FEnh7wiGssVnmWkyaA1FT9dKszV"
	var asked []string
	var mu sync.Mutex
	routerWith := func(silent bool, providers ...provider) string {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			answer := map[string]any{"Providers": providers}
			if name, ok := strings.CutPrefix(r.URL.Path, "/routing/v1/peers/"); ok {
				mu.Lock()
				asked = append(asked, name)
				mu.Unlock()
				if silent {
					<-r.Context().Done()
				}
				if name != id {
					http.NotFound(w, r)
					return
				}
				answer = map[string]any{"Peers": []provider{{Schema: "peer", ID: "another", Addrs: []string{"/ip4/127.0.0.1/tcp/1/http"}}, {Schema: "peer", ID: id, Addrs: []string{at}}}}
			} else if r.URL.Path != "/routing/v1/providers/"+ref.Manifest.String() {
				http.NotFound(w, r)
				return
			}
			json.NewEncoder(w).Encode(answer)
		}))
		t.Cleanup(server.Close)
		return server.URL
	}
	bare := func(id string) provider { return provider{Schema: "peer", ID: id} }
	if err := pull(t, routerWith(false, bare(lost), bare("../../x"), bare(id)), ref, nil); err != nil {
		t.Errorf("without addresses: %v", err)
	}
	slices.Sort(asked)
	if !slices.Equal(asked, []string{id, lost}) {
		t.Errorf("asked for %q", asked)
	}
	if err := pull(t, routerWith(true, bare(id), provider{Schema: "peer", ID: "here", Addrs: []string{at}}), ref, nil); err != nil {
		t.Errorf("a router that does not answer: %v", err)
	}
	asked = nil
	var many []provider
	for i := range 100 {
		many = append(many, bare(fmt.Sprint(lost[:len(lost)-1], i)))
	}
	if err := pull(t, routerWith(false, many...), ref, nil); err == nil || len(asked) > maxProviders {
		t.Errorf("%v, asked for %d", err, len(asked))
	}
}

// Providers who cannot be called, as many are of whom a DHT knows, take the place of none who can.
func TestWhoCannotBeCalled(t *testing.T) {
	s, ref := home(t)
	node, err := ipfs.Start(ipfs.Options{Blocks: s.Blocks(), Listen: []string{"/ip4/127.0.0.1/tcp/0"}})
	if err != nil {
		t.Fatal(err)
	}
	defer node.Close()
	empty, err := store.Open(t.TempDir(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer empty.Close()
	const id = "12D3KooWB84AxysK1FBr2WGZ7FEnh7wiGssVnmWkyaA1FT9dKszU"
	var providers []provider
	for i := range maxProviders {
		providers = append(providers, provider{Schema: "peer", ID: fmt.Sprint(id[:len(id)-1], i+1), Addrs: []string{
			"/ip4/192.0.2.1/udp/4001/quic-v1", "/ip4/192.0.2.1/tcp/4001/ws", "/dns4/a.example/tcp/443/tls/sni/b.example/ws",
			"/ip4/192.0.2.1/tcp/4001/p2p/" + id + "/p2p-circuit/p2p/" + id}})
	}
	providers = append(providers, provider{Schema: "peer", ID: node.ID(), Addrs: []string{
		"/ip4/192.0.2.1/udp/4001/quic-v1", node.Addrs()[0], "/ip4/192.0.2.1/tcp/4001/p2p/" + id + "/p2p-circuit"}})
	var dialled []string
	if err := pull(t, routerOf(t, ref.Manifest, providers...), ref, func(peers []string) (dictnet.Source, error) {
		dialled = append(dialled, peers...)
		return ipfs.Start(ipfs.Options{Blocks: empty.Blocks(), Peers: peers})
	}); err != nil || len(dialled) != 1 || dialled[0] != node.Addrs()[0] {
		t.Errorf("called %q, %v", dialled, err)
	}
	for addr, want := range map[string]bool{"/dnsaddr/a.example": true, "/dnsaddr/a.example/p2p/" + id: true, "/dns/a.example/tcp/4001": true, "/ip6/2001:db8::1/tcp/4001/p2p/" + id: true,
		"/ip4/192.0.2.1/tcp/80/http": false, "/unix/x/tcp/1": false, "": false, "/ip4/192.0.2.1": false} {
		if callable(addr) != want {
			t.Errorf("%q: %v", addr, !want)
		}
	}
}

// A plan asks those whom the router has named.
func TestPlan(t *testing.T) {
	s, ref := home(t)
	gone := provider{Schema: "peer", ID: "gone", Addrs: []string{"/ip4/127.0.0.1/tcp/1/http"}}
	r, err := New(routerOf(t, ref.Manifest, provider{Schema: "peer", ID: "here", Addrs: []string{gatewayOf(t, s)}}, gone), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	empty, err := store.Open(t.TempDir(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer empty.Close()
	c := dictnet.NewClient(dictnet.Options{Store: empty, Sources: []dictnet.Source{r}})
	defer c.Close()
	tape, err := c.OpenManifest(t.Context(), ref.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := c.Plan(t.Context(), tape, []codec.Span{{Pos: 0, Len: tape.Size()}})
	if err != nil || plan.Nowhere != 0 || len(plan.Missing) != 2 || !strings.HasPrefix(plan.Missing[0].Who[0], "gateway ") || len(plan.Silent) != 1 {
		t.Errorf("%+v, %v", plan, err)
	}
}

// Providers that lie, or take a request and say nothing, hide none of those named after them.
func TestBadProviders(t *testing.T) {
	s, ref := home(t)
	at := func(srv *httptest.Server) string {
		t.Cleanup(srv.Close)
		return "/ip4/127.0.0.1/tcp/" + srv.URL[strings.LastIndex(srv.URL, ":")+1:] + "/http"
	}
	liar := at(httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("something else")) })))
	silent := at(httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })))
	for name, bad := range map[string]string{"a liar": liar, "a silent one": silent} {
		providers := []provider{{Schema: "peer", ID: "bad", Addrs: []string{bad}}, {Schema: "peer", ID: "good", Addrs: []string{gatewayOf(t, s)}}}
		if err := pull(t, routerOf(t, ref.Manifest, providers...), ref, nil); err != nil {
			t.Errorf("after %s: %v", name, err)
		}
	}
}

// A router that answers once, and then fails or says nothing, does not hide whom it has named.
func TestRouterGoesAway(t *testing.T) {
	s, ref := home(t)
	at := gatewayOf(t, s)
	for name, then := range map[string]func(w http.ResponseWriter, r *http.Request){
		"fails":        func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) },
		"says nothing": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
	} {
		var asked atomic.Int64
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if asked.Add(1) > 1 {
				then(w, r)
				return
			}
			json.NewEncoder(w).Encode(map[string]any{"Providers": []provider{{Schema: "peer", ID: "here", Addrs: []string{at}}}})
		}))
		t.Cleanup(server.Close)
		if err := pull(t, server.URL, ref, nil); err != nil {
			t.Errorf("router %s: %v", name, err)
		}
		if n := asked.Load(); n != 1 {
			t.Errorf("router %s: asked %d times", name, n)
		}
	}
}

// Routers that know nobody, or talk nonsense: the manifest is unavailable, and the router is named.
func TestUseless(t *testing.T) {
	_, ref := home(t)
	many := make([]provider, 10_000)
	for i := range many {
		many[i] = provider{Schema: "peer", ID: fmt.Sprint(i), Addrs: []string{"/ip4/127.0.0.1/tcp/1/http"}}
	}
	lying := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("something else")) }))
	defer lying.Close()
	liar := "/ip4/127.0.0.1/tcp/" + lying.URL[strings.LastIndex(lying.URL, ":")+1:] + "/http"
	for name, base := range map[string]string{
		"nobody":    routerOf(t, ref.Manifest),
		"others":    routerOf(t, elsewhere(t)),
		"many":      routerOf(t, ref.Manifest, many...),
		"a liar":    routerOf(t, ref.Manifest, provider{Schema: "peer", ID: "liar", Addrs: []string{liar}}),
		"nonsense":  routerOf(t, ref.Manifest, provider{Schema: "peer", ID: "x", Addrs: []string{"", "/", "nonsense", "/ip4/1", "/ip4/x@y/tcp/1/http", "/unix/x/http"}}),
		"a schema":  routerOf(t, ref.Manifest, provider{Schema: "smoke", ID: "x", Addrs: []string{liar}}),
		"HTML":      lying.URL,
		"not there": "http://127.0.0.1:1",
	} {
		err := pull(t, base, ref, nil)
		if !errors.Is(err, dictnet.ErrUnavailable) || !strings.Contains(err.Error(), "router http://127.0.0.1") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, base := range []string{"", "router.example", "ftp://router.example", "http://", "http://a?b"} {
		if _, err := New(base, nil); err == nil {
			t.Errorf("%q is taken for a router", base)
		}
	}
}

// elsewhere is the name of a note that nobody has.
func elsewhere(t *testing.T) cid.Cid {
	t.Helper()
	b, err := codec.SealNote([]byte("elsewhere"))
	if err != nil {
		t.Fatal(err)
	}
	return b.CID
}

// gateways are addresses with the URLs that they stand for.
var gateways = map[string]string{
	"/dns4/gateway.example/tcp/443/https":                "https://gateway.example:443",
	"/dns/gateway.example/https":                         "https://gateway.example",
	"/dns/gateway.example/tcp/8443/tls/http/p2p/12D3Koo": "https://gateway.example:8443",
	"/ip4/192.0.2.1/tcp/8080/http":                       "http://192.0.2.1:8080",
	"/ip6/2001:db8::1/tcp/8080/http":                     "http://[2001:db8::1]:8080",
	"/ip4/192.0.2.1/tcp/4001":                            "",
	"/ip4/192.0.2.1/udp/4001/quic-v1":                    "",
	"/dns4/a/tcp/443/wss":                                "",
	"/ip4/evil@192.0.2.1/tcp/80/http":                    "",
	"/dns4//tcp/443/https":                               "",
	"/ip6//tcp/80/http":                                  "",
	"":                                                   "", "/": "", "http": "", "/http": "", "/dns4/a/http/x": "",
}

func TestGatewayURL(t *testing.T) {
	for addr, want := range gateways {
		if got := gatewayURL(addr); got != want {
			t.Errorf("%q: %q, want %q", addr, got, want)
		}
	}
}

// FuzzGatewayURL: what comes of an address is nothing, or names a host by HTTP, and nothing else.
func FuzzGatewayURL(f *testing.F) {
	for addr := range gateways {
		f.Add(addr)
	}
	f.Fuzz(func(t *testing.T, addr string) {
		base := gatewayURL(addr)
		if base == "" {
			return
		}
		u, err := url.Parse(base)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" {
			t.Errorf("%q: %q, %v", addr, base, err)
		}
	})
}

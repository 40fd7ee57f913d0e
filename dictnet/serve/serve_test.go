package serve

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ipfs/go-cid"

	"dictnet/codec"
	"dictnet/dictnet"
	"dictnet/dictnet/car"
	"dictnet/dictnet/manifest"
	"dictnet/dictnet/store"
)

// served is a server over a store with one dictionary, "d".
type served struct {
	*Server
	url   string
	home  *store.Store
	ref   codec.DictionaryRef
	notes []codec.Block
}

func noise(seed, n int) []byte {
	x := uint64(seed)*2 + 1
	b := make([]byte, n)
	for i := range b {
		x = x*6364136223846793005 + 1442695040888963407
		b[i] = byte(x >> 56)
	}
	return b
}

// start serves notes of so many bytes each.
func start(t testing.TB, o Options, notes, size int) *served {
	t.Helper()
	home, err := store.Open(t.TempDir(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { home.Close() })
	s := &served{home: home}
	for i := range notes {
		b, err := codec.SealNote(noise(i, size))
		if err != nil {
			t.Fatal(err)
		}
		if err := home.Put(t.Context(), b.CID, b.Data); err != nil {
			t.Fatal(err)
		}
		s.notes = append(s.notes, b)
	}
	s.ref, err = manifest.Append(t.Context(), home, cid.Undef, func(yield func(manifest.Note, error) bool) {
		for _, b := range s.notes {
			if !yield(manifest.Note{CID: b.CID, RawLen: b.RawLen}, nil) {
				return
			}
		}
	})
	if err == nil {
		err = home.SetDictionary(t.Context(), store.Dictionary{Name: "d", Current: s.ref, TapeSize: uint64(notes * size)})
	}
	if err != nil {
		t.Fatal(err)
	}
	reader, err := store.Open(home.Dir(), store.Options{ReadOnly: true, Damaged: func(c cid.Cid) { s.Damaged(c) }})
	if err != nil {
		t.Fatal(err)
	}
	o.Store = reader
	if s.Server, err = New(o); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.url = "http://" + l.Addr().String()
	ended := make(chan error)
	go func() { ended <- s.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return s
}

// ask sends a request with headers as "Name: value", and reads the whole answer.
func (s *served) ask(t testing.TB, method, path string, headers ...string) (*http.Response, []byte) {
	t.Helper()
	resp, body, err := s.try(method, path, nil, headers...)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return resp, body
}

func (s *served) try(method, path string, send io.Reader, headers ...string) (*http.Response, []byte, error) {
	r, err := http.NewRequest(method, s.url+path, send)
	if err != nil {
		return nil, nil, err
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
		if name == "Host" {
			r.Host = value
		}
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp, body, err
}

// A block, whole and in part, as the trustless gateway specification has it.
func TestRawBlocks(t *testing.T) {
	s := start(t, Options{}, 3, 1000)
	data := s.notes[1].Data
	path := "/ipfs/" + s.notes[1].CID.String()
	raw := "Accept: application/vnd.ipld.raw"
	for _, test := range []struct {
		method, path string
		headers      []string
		code         int
		want         []byte
	}{
		{"GET", path + "?format=raw", nil, 200, data},
		{"GET", path, []string{raw}, 200, data},
		{"HEAD", path + "?format=raw", nil, 200, nil},
		{"GET", path, []string{raw, "Range: bytes=5-9"}, 206, data[5:10]},
		{"GET", path, []string{raw, "Range: bytes=990-"}, 206, data[990:]},
		{"GET", path, []string{raw, "Range: bytes=-7"}, 206, data[len(data)-7:]},
		{"GET", path, []string{raw, "Range: bytes=100000-"}, 416, nil},
		{"GET", path, []string{raw, fmt.Sprintf(`If-None-Match: "%s.raw"`, s.notes[1].CID)}, 304, nil},
		{"GET", "/ipfs/bafkqaaa?format=raw", nil, 200, nil},                     // what clients probe with: a CID that holds its own bytes, none
		{"GET", "/ipfs/bafkqablimvwgy3y?format=raw", nil, 200, []byte("hello")}, // "hello"
	} {
		resp, body := s.ask(t, test.method, test.path, test.headers...)
		if resp.StatusCode != test.code {
			t.Errorf("%s %s %q: %s %q", test.method, test.path, test.headers, resp.Status, body)
		} else if test.code < 300 && !bytes.Equal(body, test.want) {
			t.Errorf("%s %s %q: %q", test.method, test.path, test.headers, body)
		}
		if ct := resp.Header.Get("Content-Type"); resp.StatusCode == 200 && ct != "application/vnd.ipld.raw" {
			t.Errorf("%s %s: content type %q", test.method, test.path, ct)
		}
		if test.method == "HEAD" && resp.ContentLength != int64(len(data)) {
			t.Errorf("HEAD: length %d", resp.ContentLength)
		}
	}
	resp, _ := s.ask(t, "GET", path+"?format=raw")
	if cc := resp.Header.Get("Cache-Control"); !strings.Contains(cc, "immutable") {
		t.Errorf("cache control %q", cc)
	}
	if resp.Header.Get("Etag") == "" || resp.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("headers %v", resp.Header)
	}
}

// A whole dictionary in one answer, which another store takes in and checks; and just its first block.
func TestCARs(t *testing.T) {
	s := start(t, Options{}, 300, 500)
	path := "/ipfs/" + s.ref.Manifest.String()
	resp, body := s.ask(t, "GET", path+"?dag-scope=all", "Accept: application/vnd.ipld.car; version=1; order=dfs")
	if ct := resp.Header.Get("Content-Type"); resp.StatusCode != 200 || !strings.HasPrefix(ct, "application/vnd.ipld.car") {
		t.Fatalf("%s, %s: %q", resp.Status, ct, body[:min(len(body), 200)])
	}
	there, err := store.Open(t.TempDir(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer there.Close()
	ref, err := car.Import(t.Context(), bytes.NewReader(body), there, nil)
	if err != nil || ref != s.ref {
		t.Errorf("imported %v, %v", ref, err)
	}
	for _, n := range s.notes {
		if ok, err := there.Has(t.Context(), n.CID); !ok || err != nil {
			t.Fatalf("note %s: %v, %v", n.CID, ok, err)
		}
	}
	resp, body = s.ask(t, "GET", path+"?format=car&dag-scope=block")
	if resp.StatusCode != 200 || len(body) > 1000 {
		t.Errorf("scope block: %s, %d bytes", resp.Status, len(body))
	}

	// A page is gone: the answer cannot be taken for the whole.
	m, err := manifest.Open(t.Context(), s.home, s.ref.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	pages := 0
	m.Walk(t.Context(), func(l manifest.Link) (bool, error) {
		if !l.Note && l.CID != s.ref.Manifest {
			if pages++; pages == 3 { // the branch, its first page, its second
				return false, s.home.Delete(t.Context(), l.CID)
			}
		}
		return true, nil
	})
	resp, body, err = s.try("GET", path+"?format=car", nil)
	if err == nil && resp.StatusCode == 200 {
		if _, err := car.Import(t.Context(), bytes.NewReader(body), there, nil); err == nil {
			t.Errorf("a CAR without a page was answered as if it were whole, %d bytes", len(body))
		}
	}
	s.home.Delete(t.Context(), s.ref.Manifest)
	if resp, body := s.ask(t, "GET", path+"?format=car"); resp.StatusCode != 404 {
		t.Errorf("without a root: %s %q", resp.Status, body)
	}
}

// HEAD of a CAR is answered with the headers of GET, and without reading the dictionary: a damaged note is not found.
func TestHeadOfCAR(t *testing.T) {
	s := start(t, Options{}, 50, 1000)
	packs, err := filepath.Glob(filepath.Join(s.home.Dir(), "blocks", "*.pack"))
	if err != nil || len(packs) != 1 {
		t.Fatal(packs, err)
	}
	pack, err := os.ReadFile(packs[0])
	if err == nil {
		pack[bytes.Index(pack, s.notes[40].Data)+100] ^= 1
		err = os.WriteFile(packs[0], pack, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	path := "/ipfs/" + s.ref.Manifest.String() + "?format=car"
	head, body := s.ask(t, "HEAD", path)
	if head.StatusCode != 200 || len(body) != 0 || head.Header.Get("X-Stream-Error") != "" {
		t.Errorf("%s %v %q", head.Status, head.Header, body)
	}
	if _, body := s.ask(t, "GET", "/metrics"); !bytes.Contains(body, []byte("\ndictnet_store_damaged_total 0\n")) {
		t.Error("the notes were read")
	}
	get, _, err := s.try("GET", path, nil)
	if err != nil && get == nil {
		t.Fatal(err)
	}
	for _, name := range []string{"Content-Type", "Etag", "Cache-Control", "Content-Disposition", "X-Content-Type-Options"} {
		if head.Header.Get(name) == "" || head.Header.Get(name) != get.Header.Get(name) {
			t.Errorf("%s: %q, of GET %q", name, head.Header.Get(name), get.Header.Get(name))
		}
	}
	if _, body := s.ask(t, "GET", "/metrics"); !bytes.Contains(body, []byte("\ndictnet_store_damaged_total 1\n")) {
		t.Error("GET does not read them")
	}
}

// What is not here, or is damaged, is not there; nothing wrong is served.
func TestNotThere(t *testing.T) {
	s := start(t, Options{}, 4, 1000)
	other, err := codec.SealNote([]byte("elsewhere"))
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"raw", "car"} {
		for _, method := range []string{"GET", "HEAD"} {
			if resp, body := s.ask(t, method, "/ipfs/"+other.CID.String()+"?format="+format); resp.StatusCode != 404 {
				t.Errorf("%s %s: %s %q", method, format, resp.Status, body)
			}
			for c, code := range map[cid.Cid]int{other.CID: 412, s.notes[3].CID: 200} {
				if resp, body := s.ask(t, method, "/ipfs/"+c.String()+"?format="+format, "Cache-Control: only-if-cached"); resp.StatusCode != code {
					t.Errorf("%s %s if it is here: %s %q, want %d", method, format, resp.Status, body, code)
				}
			}
		}
	}
	packs, err := filepath.Glob(filepath.Join(s.home.Dir(), "blocks", "*.pack"))
	if err != nil || len(packs) != 1 {
		t.Fatal(packs, err)
	}
	for i, damage := range []func(pack []byte, at int){
		func(pack []byte, at int) { pack[at+100] ^= 1 },
		func(pack []byte, at int) { clear(pack[at : at+100]) },
		func(pack []byte, at int) { copy(pack[at:], s.notes[3].Data) },
	} {
		c := s.notes[i].CID
		pack, err := os.ReadFile(packs[0])
		if err == nil {
			damage(pack, bytes.Index(pack, s.notes[i].Data))
			err = os.WriteFile(packs[0], pack, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // also when it is known already
			if resp, body := s.ask(t, "GET", "/ipfs/"+c.String()+"?format=raw"); resp.StatusCode != 404 {
				t.Errorf("damage %d: %s, %d bytes", i, resp.Status, len(body))
			}
		}
		if err := s.home.Replace(t.Context(), c, s.notes[i].Data); err != nil {
			t.Fatal(err)
		}
		if resp, body := s.ask(t, "GET", "/ipfs/"+c.String()+"?format=raw"); resp.StatusCode != 200 || !bytes.Equal(body, s.notes[i].Data) {
			t.Errorf("mended: %s, %d bytes", resp.Status, len(body))
		}
	}
	if _, body := s.ask(t, "GET", "/metrics"); !bytes.Contains(body, []byte("\ndictnet_store_damaged_total 3\n")) {
		t.Error("damage is not counted")
	}
}

// cutOff stands for a connection that the server ended.
const cutOff = 0

// Requests that no friend would send: an answer that says so, no panic, and nothing else than is served.
func TestHostileRequests(t *testing.T) {
	dir := t.TempDir()
	secret := filepath.Join(t.TempDir(), "secret")
	for path, text := range map[string]string{secret: "secret", filepath.Join(dir, "a.dn"): "template", filepath.Join(dir, ".hidden"): "secret"} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	os.Symlink(secret, filepath.Join(dir, "link"))
	os.Symlink("/", filepath.Join(dir, "root"))
	os.Mkdir(filepath.Join(dir, "sub"), 0o755)
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o644); err != nil {
		t.Fatal(err)
	}
	s := start(t, Options{Templates: dir}, 3, 1000)
	note := s.notes[0].CID
	for _, test := range []struct {
		method, path string
		header       string
		codes        []int
	}{
		{"GET", "/ipfs/", "", []int{400, 404}},
		{"GET", "/ipfs/nonsense?format=raw", "", []int{400}},
		{"GET", "/ipfs/" + strings.Repeat("b", 900) + "?format=raw", "", []int{400}},
		{"GET", "/ipfs/b" + strings.Repeat("a", 5000), "", []int{414}},
		{"GET", "/ipfs/..%2f..%2fetc%2fpasswd?format=raw", "", []int{400, 404}},
		{"GET", "/ipfs/" + note.String() + "/..%2f..%2f..%2fetc/passwd?format=raw", "", []int{400, 404, 500, 501}},
		{"GET", "/ipfs/" + note.String() + "%00?format=raw", "", []int{400}},
		{"GET", "/ipfs/" + note.String() + "?format=tar", "", []int{400, 406}},
		{"GET", "/ipfs/" + note.String() + "?format=car&dag-scope=everything", "", []int{400}},
		{"GET", "/ipfs/" + note.String() + "?format=car&entity-bytes=9:1", "", []int{400}},
		{"GET", "/ipfs/" + note.String(), "", []int{400, 406}}, // as a web page: this gateway is trustless
		{"GET", "/ipfs/" + note.String(), "Accept: text/html", []int{400, 406}},
		{"GET", "/ipfs/" + cid.NewCidV0(note.Hash()).String() + "?format=raw", "", []int{404}},
		{"GET", "/ipfs/bafyreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy?format=dag-json", "", []int{404, 406, 400}},
		{"POST", "/ipfs/" + note.String() + "?format=raw", "", []int{405}},
		{"PUT", "/ipfs/" + note.String(), "", []int{405}},
		{"DELETE", "/ipfs/" + note.String(), "", []int{405}},
		{"GET", "/ipns/" + note.String(), "", []int{404}},
		{"GET", "/", "", []int{404}},
		{"GET", "/debug/pprof/", "", []int{404}},
		{"GET", "/healthz", "X-Long: " + strings.Repeat("x", 60_000), []int{431, cutOff}},
		{"GET", "/ipfs/" + note.String() + "?format=raw", "Range: bytes=" + strings.Repeat("0-0,", 2000) + "0-0", []int{206, 416, 400, 431, 200}},
		{"GET", "/ipfs/" + note.String() + "?format=raw", "Range: bytes=99999999999999999999-", []int{416, 400, 200}},

		{"GET", "/templates/a.dn", "", []int{200}},
		{"GET", "/templates/", "", []int{404}},
		{"GET", "/templates/sub", "", []int{404}},
		{"GET", "/templates/sub/", "", []int{404}},
		{"GET", "/templates/.hidden", "", []int{404}},
		{"GET", "/templates/sub/../.hidden", "", []int{404}},
		{"GET", "/templates/..%2fsecret", "", []int{404, 400}},
		{"GET", "/templates/%2e%2e/%2e%2e/etc/passwd", "", []int{404, 400}},
		{"GET", "/templates/..\\..\\etc\\passwd", "", []int{404}},
		{"GET", "/templates//etc/passwd", "", []int{404}},
		{"GET", "/templates/link", "", []int{404, 403}},
		{"GET", "/templates/root/etc/passwd", "", []int{404, 403}},
		{"GET", "/templates/pipe", "", []int{404}},
		{"GET", "/templates/a.dn%00.txt", "", []int{404, 400}},
		{"POST", "/templates/a.dn", "", []int{405}},

		{"GET", "/api/v1/store", "Host: evil.example", []int{421}},
		{"GET", "/metrics", "Host: evil.example:80", []int{421}},
		{"GET", "/api/v1/store", "Host: localhost:80", []int{200}},
		{"GET", "/api/v1/store", "Host: [::1]:80", []int{200}},
		{"GET", "/api/v1/store", "Host: [", []int{421, 400}},
		{"POST", "/api/v1/store", "", []int{405}},
		{"GET", "/api/v1/nonsense", "", []int{404}},
		{"GET", "/api/v1/dictionaries/..%2f..%2fetc%2fpasswd", "", []int{404}},
		{"GET", "/api/v1/dictionaries/d%00", "", []int{404}},
		{"GET", "/api/v1/dictionaries/" + note.String(), "", []int{400}},
		{"GET", "/api/v1/dictionaries/bafyreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy", "", []int{404}},
		{"GET", "/api/v1/dictionaries/d/notes?from=-1", "", []int{400}},
		{"GET", "/api/v1/dictionaries/d/notes?from=18446744073709551615", "", []int{400}},
		{"GET", "/api/v1/dictionaries/d/notes?from=99999999", "", []int{200}},
		{"GET", "/api/v1/dictionaries/d/notes?count=99999999", "", []int{200}},
		{"POST", "/api/v1/inspect", "", []int{400}},
	} {
		var headers []string
		if test.header != "" {
			headers = append(headers, test.header)
		}
		resp, body, err := s.try(test.method, test.path, nil, headers...)
		if err != nil {
			resp = &http.Response{StatusCode: cutOff, Status: err.Error()}
		}
		ok := false
		for _, code := range test.codes {
			ok = ok || resp.StatusCode == code
		}
		if !ok {
			t.Errorf("%s %.100s %.100s: %s, want %v: %.200q", test.method, test.path, test.header, resp.Status, test.codes, body)
		}
		var refused struct{ Error string }
		if strings.HasPrefix(test.path, "/api/v1/") && resp.StatusCode >= 400 && (json.Unmarshal(body, &refused) != nil || refused.Error == "") && test.header != "Host: [" {
			t.Errorf("%s %s %s: %s, no error as JSON: %q", test.method, test.path, test.header, resp.Status, body)
		}
		if resp.StatusCode == 405 && strings.HasPrefix(test.path, "/api/v1/") && resp.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s %s: allowed is %q", test.method, test.path, resp.Header.Get("Allow"))
		}
		if bytes.Contains(body, []byte("secret")) || bytes.Contains(body, []byte("root:")) {
			t.Errorf("%s %s: %q", test.method, test.path, body)
		}
	}

	// What is no HTTP at all.
	for _, text := range []string{"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "GET /healthz\r\n\r\n", "GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
		"GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /metrics HTTP/1.1\r\n\r\n", "\r\n\r\n\r\n\r\n", strings.Repeat("A", 100_000)} {
		c, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(c, text)
		c.(*net.TCPConn).CloseWrite()
		answer, _ := io.ReadAll(c)
		c.Close()
		if bytes.Contains(answer, []byte("go_goroutines")) {
			t.Errorf("%q was answered %q", text, answer)
		}
	}
	if resp, _ := s.ask(t, "GET", "/healthz"); resp.StatusCode != 200 {
		t.Errorf("afterwards: %s", resp.Status)
	}
}

// Clients that send or take nothing are left, and those who wait for their places get them.
func TestStalledClients(t *testing.T) {
	s := start(t, Options{Requests: 1, Stall: 300 * time.Millisecond}, 200, 200_000)
	address := strings.TrimPrefix(s.url, "http://")
	// Headers that never end.
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, "GET /healthz HTTP/1.1\r\nHost: x\r\n")
	if answer, err := io.ReadAll(c); err != nil && !errors.Is(err, syscall.ECONNRESET) || bytes.Contains(answer, []byte("200 OK")) {
		t.Errorf("headers that never end: %q, %v", answer, err)
	}
	// A body that never comes.
	c, err = net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, "POST /api/v1/inspect HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000000\r\n\r\nx")
	answer, _ := io.ReadAll(c)
	if bytes.Contains(answer, []byte("200 OK")) {
		t.Errorf("a body that never comes: %q", answer)
	}
	// The same, of bodies that nobody reads.
	for _, request := range []string{"GET /ipfs/" + s.ref.Manifest.String() + "?format=car", "POST /ipfs/x", "PUT /templates/x", "POST /healthz"} {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		fmt.Fprintf(c, "%s HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n", request)
		c.SetReadDeadline(time.Now().Add(30 * time.Second))
		if answer, err := io.ReadAll(c); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: after %d bytes of an answer, %v", request, len(answer), err)
		}
	}
	// 40 MB that nobody takes, in the only place.
	c, err = net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "GET /ipfs/%s?format=car HTTP/1.1\r\nHost: x\r\n\r\n", s.ref.Manifest)
	if line, err := bufio.NewReader(c).ReadString('\n'); err != nil || !strings.Contains(line, "200") {
		t.Fatalf("the CAR: %q, %v", line, err)
	}
	for deadline := time.Now().Add(30 * time.Second); ; {
		resp, _ := s.ask(t, "GET", "/ipfs/"+s.ref.Manifest.String()+"?format=raw")
		if resp.StatusCode == 200 {
			break
		}
		if resp.StatusCode != 503 || time.Now().After(deadline) {
			t.Fatalf("while somebody has the place: %s", resp.Status)
		}
	}
}

// While too many are answered, how the node is doing is told at once, and others are told to come again.
func TestBusy(t *testing.T) {
	s := start(t, Options{Requests: 1, Stall: time.Second}, 1, 100)
	busy, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	fmt.Fprint(busy, "POST /api/v1/inspect HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000000\r\n\r\n")
	go func() {
		for {
			if _, err := busy.Write([]byte{0}); err != nil {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	}()
	for deadline := time.Now().Add(30 * time.Second); ; { // until it has the only place
		if resp, _ := s.ask(t, "GET", "/ipfs/"+s.ref.Manifest.String()+"?format=raw"); resp.StatusCode == 503 {
			break
		} else if time.Now().After(deadline) {
			t.Fatalf("while somebody has the only place: %s", resp.Status)
		}
	}
	if resp, _ := s.ask(t, "GET", "/healthz"); resp.StatusCode != 200 {
		t.Errorf("healthz: %s", resp.Status)
	}
	for _, method := range []string{"GET", "POST"} {
		resp, _, err := s.try(method, "/ipfs/"+s.ref.Manifest.String()+"?format=raw", strings.NewReader("a body that nobody reads"))
		if err != nil || resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" {
			t.Errorf("%s: %v, %v", method, resp, err)
		}
	}
}

// A name whose file is damaged does not make the node unwell: all else is served.
func TestHealthWithDamagedName(t *testing.T) {
	s := start(t, Options{}, 1, 100)
	if err := os.WriteFile(filepath.Join(s.home.Dir(), "names", "e.json"), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	if resp, body := s.ask(t, "GET", "/api/v1/store"); resp.StatusCode != 500 || !bytes.Contains(body, []byte("e.json")) {
		t.Errorf("the store: %s %s", resp.Status, body)
	}
	if resp, body := s.ask(t, "GET", "/healthz"); resp.StatusCode != 200 {
		t.Errorf("%s: %s", resp.Status, body)
	}
	if resp, _ := s.ask(t, "GET", "/ipfs/"+s.notes[0].CID.String()+"?format=raw"); resp.StatusCode != 200 {
		t.Errorf("a block: %s", resp.Status)
	}
}

// Templates that come slowly, more of them than are worked on at once, keep no other waiting.
func TestSlowTemplates(t *testing.T) {
	s := start(t, Options{Stall: time.Hour}, 1, 100)
	for range maxLong {
		c, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		fmt.Fprintf(c, "POST /api/v1/inspect HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n\r\n", 2*shortBody)
		if _, err := c.Write(make([]byte, shortBody+1)); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(100 * time.Millisecond) // for them to have their places; without, the test could only pass too easily
	client := http.Client{Timeout: 30 * time.Second}
	resp, err := client.Post(s.url+"/api/v1/inspect", "", strings.NewReader("no template"))
	if err != nil {
		t.Fatalf("a short body beside them: %v", err)
	}
	resp.Body.Close()
	if resp.StatusCode != 400 {
		t.Errorf("a short body beside them: %s", resp.Status)
	}
}

// More connections than are taken at once: the others wait, and are served.
func TestConnectionLimit(t *testing.T) {
	s := start(t, Options{Conns: 2}, 1, 100)
	address := strings.TrimPrefix(s.url, "http://")
	var held []net.Conn
	for range 3 {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		fmt.Fprint(c, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
		held = append(held, c)
	}
	for _, c := range held[:2] {
		if line, err := bufio.NewReader(c).ReadString('\n'); err != nil || !strings.Contains(line, "200") {
			t.Fatalf("%q, %v", line, err)
		}
	}
	held[0].Close()
	if line, err := bufio.NewReader(held[2]).ReadString('\n'); err != nil || !strings.Contains(line, "200") {
		t.Errorf("the third: %q, %v", line, err)
	}
}

// What is being answered when the server ends is answered to its end; nothing new is taken.
func TestShutdown(t *testing.T) {
	s := start(t, Options{}, 200, 200_000)
	resp, err := http.Get(s.url + "/ipfs/" + s.ref.Manifest.String() + "?format=car")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	first := make([]byte, 1000)
	if _, err := io.ReadFull(resp.Body, first); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() { ended <- s.Shutdown(context.Background()) }()
	for !s.ending.Load() {
		time.Sleep(time.Millisecond)
	}
	rest, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	there, err := store.Open(t.TempDir(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer there.Close()
	if ref, err := car.Import(t.Context(), io.MultiReader(bytes.NewReader(first), bytes.NewReader(rest)), there, nil); err != nil || ref != s.ref {
		t.Errorf("what was answered: %v, %v", ref, err)
	}
	if _, _, err := s.try("GET", "/healthz", nil); err == nil {
		t.Error("answered after the end")
	}
}

// A client that does not stop taking is cut off when there is no more time.
func TestShutdownCutsOff(t *testing.T) {
	s := start(t, Options{}, 200, 200_000)
	resp, err := http.Get(s.url + "/ipfs/" + s.ref.Manifest.String() + "?format=car")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("shut down: %v", err)
	}
	if body, err := io.ReadAll(resp.Body); err == nil {
		t.Errorf("the answer ended as if it were whole, after %d bytes", len(body))
	}
}

func TestTemplates(t *testing.T) {
	dir := t.TempDir()
	os.MkdirAll(filepath.Join(dir, "v1"), 0o755)
	want := noise(1, 5000)
	if err := os.WriteFile(filepath.Join(dir, "v1", "a.dn"), want, 0o644); err != nil {
		t.Fatal(err)
	}
	s := start(t, Options{Templates: dir}, 1, 100)
	resp, body := s.ask(t, "GET", "/templates/v1/a.dn")
	etag := resp.Header.Get("Etag")
	if resp.StatusCode != 200 || !bytes.Equal(body, want) || etag == "" || resp.Header.Get("Accept-Ranges") != "bytes" {
		t.Errorf("%s %v, %d bytes", resp.Status, resp.Header, len(body))
	}
	if resp, body := s.ask(t, "GET", "/templates/v1/a.dn", "Range: bytes=4990-", "If-Range: "+etag); resp.StatusCode != 206 || !bytes.Equal(body, want[4990:]) {
		t.Errorf("a range: %s %q", resp.Status, body)
	}
	if resp, _ := s.ask(t, "GET", "/templates/v1/a.dn", "If-None-Match: "+etag); resp.StatusCode != 304 {
		t.Errorf("not modified: %s", resp.Status)
	}
	if err := os.WriteFile(filepath.Join(dir, "v1", "a.dn"), want[:10], 0o644); err != nil {
		t.Fatal(err)
	}
	if resp, body := s.ask(t, "GET", "/templates/v1/a.dn", "Range: bytes=5-", "If-Range: "+etag); resp.StatusCode != 200 || len(body) != 10 {
		t.Errorf("a range of what has changed: %s, %d bytes", resp.Status, len(body))
	}
}

func TestAPI(t *testing.T) {
	s := start(t, Options{Node: func() Node { return Node{ID: "me", BytesSent: 7} }}, 3, 1000)
	get := func(path string, into any) {
		t.Helper()
		resp, body := s.ask(t, "GET", "/api/v1/"+path)
		if ct := resp.Header.Get("Content-Type"); resp.StatusCode != 200 || ct != "application/json" {
			t.Errorf("%s: %s %s %s", path, resp.Status, ct, body)
		}
		if err := json.Unmarshal(body, into); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	var all struct {
		Dictionaries []dictionaryInfo
		Blocks       int
	}
	get("store", &all)
	if len(all.Dictionaries) != 1 || all.Dictionaries[0].Name != "d" || all.Blocks != 5 {
		t.Errorf("store %+v", all)
	}
	var node Node
	get("node", &node)
	if node.ID != "me" || node.BytesSent != 7 {
		t.Errorf("node %+v", node)
	}
	for _, name := range []string{"d", s.ref.Manifest.String()} {
		var d dictionaryInfo
		get("dictionaries/"+name, &d)
		if d.Manifest != s.ref.Manifest.String() || d.Size != 3 || d.Root != s.ref.Root.String() || d.Tape != 3000 {
			t.Errorf("%s: %+v", name, d)
		}
	}
	var notes struct{ Notes []noteInfo }
	get("dictionaries/d/notes?from=1&count=1", &notes)
	if want := (noteInfo{1, s.notes[1].CID.String(), 1000, 1000, true}); len(notes.Notes) != 1 || notes.Notes[0] != want {
		t.Errorf("notes %+v", notes)
	}

	// A template of which one note is here and one is not.
	home := s.home
	client := dictnet.NewClient(dictnet.Options{Store: home})
	defer client.Close()
	tape, err := client.Open(t.Context(), s.ref)
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer // of the index
	if err := codec.BuildIndex(t.Context(), tape, codec.DefaultChunkSize, &file); err != nil {
		t.Fatal(err)
	}
	index, err := codec.OpenIndex(bytes.NewReader(file.Bytes()), int64(file.Len()))
	if err != nil {
		t.Fatal(err)
	}
	var template bytes.Buffer
	played := bytes.NewReader(append(noise(0, 1000), noise(1, 1000)...))
	if _, err := codec.Encode(t.Context(), &template, played, codec.EncodeOptions{Dictionary: &s.ref, Tape: tape, Index: index}); err != nil {
		t.Fatal(err)
	}
	r, err := codec.NewReaderAt(t.Context(), bytes.NewReader(template.Bytes()), int64(template.Len()), func(context.Context, codec.DictionaryName) (codec.Tape, error) { return tape, nil })
	if err != nil {
		t.Fatal(err)
	}
	list, err := tape.Portable(t.Context(), r.Wanted(), true)
	if err != nil {
		t.Fatal(err)
	}
	portable := func(notes int) []byte {
		head, err := (&dictnet.Portable{TapeSize: list.TapeSize, Notes: list.Notes[:notes], Proof: list.Proof}).AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		return append(head, template.Bytes()...)
	}
	if err := home.Delete(t.Context(), s.notes[1].CID); err != nil {
		t.Fatal(err)
	}
	post := func(path string, body []byte) (int, string) {
		t.Helper()
		resp, answer, err := s.try("POST", "/api/v1/"+path, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(answer)
	}
	if code, answer := post("inspect", template.Bytes()); code != 200 || !strings.Contains(answer, `"fileSize": 2000`) {
		t.Errorf("inspect: %d %s", code, answer)
	}
	if code, answer := post("plan", template.Bytes()); code != 200 || !strings.Contains(answer, `"local": 1`) || !strings.Contains(answer, s.notes[1].CID.String()) {
		t.Errorf("plan: %d %s", code, answer)
	}
	bad := bytes.Clone(template.Bytes())
	bad[len(bad)/2] ^= 1
	for _, path := range []string{"inspect", "plan"} {
		if code, answer := post(path, bad); code != 400 || !strings.Contains(answer, `"error"`) {
			t.Errorf("%s of a damaged template: %d %s", path, code, answer)
		}
	}
	if code, _ := post("inspect", make([]byte, maxTemplate+1)); code != 413 {
		t.Errorf("too large: %d", code)
	}

	// The same with its list, by which it is planned where the manifest is not here.
	var info struct {
		TemplateSize int
		Parts        struct{ List int }
		List         dictnet.ListInfo
	}
	if code, answer := post("inspect", portable(2)); code != 200 || json.Unmarshal([]byte(answer), &info) != nil || info.TemplateSize != len(portable(2)) ||
		info.Parts.List != info.TemplateSize-template.Len() || info.List != (dictnet.ListInfo{Notes: 2, Proved: true, Hashes: 1}) {
		t.Errorf("inspect with a list: %d %s", code, answer)
	}
	if code, answer := post("plan", portable(2)); code != 200 || !strings.Contains(answer, `"local": 1`) || strings.Contains(answer, "listed") {
		t.Errorf("plan with a list: %d %s", code, answer)
	}
	if err := home.Delete(t.Context(), s.ref.Manifest); err != nil {
		t.Fatal(err)
	}
	if code, answer := post("plan", template.Bytes()); code != 404 || !strings.Contains(answer, `"error"`) {
		t.Errorf("plan without the manifest: %d %s", code, answer)
	}
	if code, answer := post("plan", portable(2)); code != 200 || !strings.Contains(answer, `"local": 1`) || !strings.Contains(answer, `"listed": true`) || !strings.Contains(answer, s.notes[1].CID.String()) {
		t.Errorf("plan by the list: %d %s", code, answer)
	}
	if code, answer := post("plan", portable(1)); code != 400 || !strings.Contains(answer, "does not list the note") {
		t.Errorf("plan by a list that lacks a note: %d %s", code, answer)
	}
	long := binary.AppendUvarint(binary.AppendUvarint([]byte(dictnet.PortableMagic), 1<<40), maxListed+1)
	if code, answer := post("plan", long); code != 413 || !strings.Contains(answer, "131073 notes, limit 131072") {
		t.Errorf("a list that is too long: %d %s", code, answer)
	}
}

// A hundred clients at once, each with a store of its own: all get the whole dictionary.
func TestHundredClients(t *testing.T) {
	s := start(t, Options{Requests: 16}, 40, 20_000)
	errs := make(chan error)
	for range 100 {
		go func() { errs <- s.fetchAll() }()
	}
	for range 100 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}

// fetchAll fetches every note over one connection or a few, and checks it.
func (s *served) fetchAll() error {
	for _, n := range s.notes {
		resp, body, err := s.try("GET", "/ipfs/"+n.CID.String()+"?format=raw", nil)
		if err != nil {
			return err
		}
		h := n.CID.Hash()
		if sum := sha256.Sum256(body); resp.StatusCode != 200 || string(h[2:]) != string(sum[:]) {
			return fmt.Errorf("%s: %s, %d bytes", n.CID, resp.Status, len(body))
		}
	}
	return nil
}

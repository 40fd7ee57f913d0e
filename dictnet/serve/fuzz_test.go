package serve

import (
	"crypto/sha256"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ipfs/go-cid"
)

// FuzzRequest sends any request line and headers: no panic, and a block that is answered is the one that the path names. What lies
// outside of the folder of templates is never answered.
func FuzzRequest(f *testing.F) {
	dir := f.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "secret"), []byte("a secret that is nobody's"), 0o644); err != nil {
		f.Fatal(err)
	}
	templates := filepath.Join(dir, "templates")
	if err := os.MkdirAll(templates, 0o755); err != nil {
		f.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(templates, "a.dn"), []byte("template"), 0o644); err != nil {
		f.Fatal(err)
	}
	s := start(f, Options{Templates: templates}, 3, 500)
	note, m := s.notes[0].CID.String(), s.ref.Manifest.String()
	f.Add("GET", "/ipfs/"+note+"?format=raw", "", "", "")
	f.Add("GET", "/ipfs/"+note, "application/vnd.ipld.raw", "bytes=1-5,7-", "127.0.0.1")
	f.Add("GET", "/ipfs/"+m+"?format=car&dag-scope=entity&entity-bytes=0:*", "application/vnd.ipld.car; order=dfs; dups=y", "", "")
	f.Add("HEAD", "/ipfs/"+m+"/tree/0/0?format=dag-json", "*/*", "", "localhost")
	f.Add("GET", "/ipfs/bafkqablimvwgy3y?format=raw", "", "bytes=-1", "")
	f.Add("GET", "/templates/..%2fsecret", "", "", "")
	f.Add("GET", "/templates/a.dn", "", "bytes=2-", "")
	f.Add("GET", "/api/v1/dictionaries/d/notes?from=1&count=2", "", "", "[::1]:1")
	f.Add("POST", "/api/v1/plan", "", "", "127.0.0.1")
	f.Fuzz(func(t *testing.T, method, target, accept, ranges, host string) {
		r, err := http.NewRequest(method, "http://x"+target, strings.NewReader("no template"))
		if err != nil || !strings.HasPrefix(target, "/") {
			return
		}
		r.Host = host
		if accept != "" {
			r.Header.Set("Accept", accept)
		}
		if ranges != "" {
			r.Header.Set("Range", ranges)
		}
		w := httptest.NewRecorder()
		s.http.Handler.ServeHTTP(w, r)
		body := w.Body.Bytes()
		if strings.Contains(w.Body.String(), "nobody's") {
			t.Fatalf("%s %s: %q", method, target, body)
		}
		name, plain := strings.CutPrefix(r.URL.Path, "/ipfs/")
		c, err := cid.Decode(name)
		if !plain || err != nil || w.Code != http.StatusOK || method != "GET" || w.Header().Get("Content-Type") != "application/vnd.ipld.raw" {
			return
		}
		if sum := sha256.Sum256(body); c.Prefix().MhType == 0x12 && string(sum[:]) != string(c.Hash()[2:]) {
			t.Errorf("%s %s: answered %q", method, target, body)
		}
	})
}

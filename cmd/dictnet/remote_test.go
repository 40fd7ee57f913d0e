package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"dictnet/codec"
	"dictnet/codec/records"
)

// template makes a file of n bytes that does not compress and its template.
func templateOf(t *testing.T, n int) (file, template []byte) {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("DICTNET_HOME", filepath.Join(dir, "home"))
	file = make([]byte, n)
	rand.New(rand.NewSource(1)).Read(file)
	in, out := filepath.Join(dir, "file"), filepath.Join(dir, "template")
	if err := os.WriteFile(in, file, 0o644); err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	if code := run(t.Context(), []string{"encode", in, "-o", out, "--profile", "fast"}, nil, io.Discard, &stderr); code != 0 {
		t.Fatal(stderr.String())
	}
	template, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return file, template
}

// decodeFrom decodes a URL, and returns what it wrote, its exit code and what it said.
func decodeFrom(t *testing.T, url string, flags ...string) ([]byte, int, string) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out")
	var stderr bytes.Buffer
	code := run(t.Context(), append([]string{"decode", url, "-o", out, "-q"}, flags...), nil, io.Discard, &stderr)
	b, err := os.ReadFile(out)
	if err == nil != (code == 0) {
		t.Errorf("exit code %d, and the output: %v", code, err)
	}
	return b, code, stderr.String()
}

// content serves a template as a file, with a strong ETag.
func content(template []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Etag", `"1"`)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(template))
	}
}

// breaking cuts every answer off after so many bytes.
func breaking(n int, next http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(&cutting{w, n}, r) }
}

type cutting struct {
	http.ResponseWriter
	left int
}

func (c *cutting) Write(b []byte) (int, error) {
	if len(b) > c.left {
		c.ResponseWriter.Write(b[:c.left])
		http.NewResponseController(c.ResponseWriter).Flush()
		panic(http.ErrAbortHandler)
	}
	c.left -= len(b)
	return c.ResponseWriter.Write(b)
}

// A template that arrives as a stream and is read at random goes into a file if it is long, and what is none is not read to an end that it may not have.
func TestKeep(t *testing.T) {
	file, template := templateOf(t, 100_000)
	for _, most := range []int{1 << 10, len(template), 1 << 20} {
		in := &input{Reader: bytes.NewReader(template), size: -1}
		if err := in.keep(t.Context(), most); err != nil {
			t.Fatal(err)
		}
		whole, err := codec.NewReaderAt(t.Context(), in.file, in.size, nil)
		if err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(file))
		if _, err := whole.ReadAt(got, 0); err != nil || !bytes.Equal(got, file) {
			t.Errorf("%d in memory: other bytes, %v", most, err)
		}
		if _, inMemory := in.file.(*bytes.Reader); inMemory != (most > len(template)) {
			t.Errorf("%d in memory: kept as %T", most, in.file)
		}
		in.close()
	}
	endless := &input{Reader: rand.New(rand.NewSource(1)), size: -1}
	if err := endless.keep(t.Context(), 1<<10); err != nil {
		t.Fatal(err)
	}
	if _, err := codec.NewReaderAt(t.Context(), endless.file, endless.size, nil); !errors.Is(err, codec.ErrTemplate) {
		t.Errorf("what is no template: %v", err)
	}
}

// Templates over HTTP, from servers good and bad: the right bytes, or an error that names the template, and no output.
func TestDecodeURL(t *testing.T) {
	file, template := templateOf(t, 1_500_000)
	noRanges := func(w http.ResponseWriter, r *http.Request) { w.Write(template) }
	tests := map[string]struct {
		handler http.HandlerFunc
		code    int
		says    string
		code2   int // with --range, if it is another: -1
		says2   string
	}{
		"a file server":          {content(template), 0, "", 0, ""},
		"without ranges":         {noRanges, 0, "", 0, ""},
		"breaks off and goes on": {breaking(700_000, content(template)), 0, "", 0, ""},
		"breaks off at once":     {breaking(0, content(template)), 4, "broke off after 0 bytes", 4, "unavailable"},
		"breaks off, no ranges":  {breaking(700_000, http.HandlerFunc(noRanges)), 4, "broke off after 700000 bytes", 4, "broke off"},
		"not there":              {http.NotFound, 2, "404 Not Found", 2, "404"},
		"is ill":                 {func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(500) }, 4, "500 Internal", 4, "500"},
		"HTML": {func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "<html>"+strings.Repeat("hello ", 100))
		}, 3, "template", 3, "template"},
		"nothing":                   {func(w http.ResponseWriter, r *http.Request) {}, 3, "template", 3, "template"},
		"damaged":                   {content(append([]byte{0}, template...)), 3, "template", 3, "template"},
		"cut":                       {content(template[:len(template)-10]), 3, "template", 3, "template"},
		"a loop":                    {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", 302) }, 4, "redirected too often", 4, "redirected"},
		"to a file":                 {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "file:///etc/passwd", 302) }, 4, "unsupported protocol", 4, "unsupported"},
		"another range than asked":  {wrongRange("bytes 7-%d/%d", template), 0, "", 4, "to one from"},
		"a range without an end":    {wrongRange("bytes 0-999999999999/*", template), 0, "", 4, "answers with the range"},
		"a range longer than it is": {wrongRange("bytes 0-99999999999/99999999999", template), 0, "", 4, "answers with the range"},
		"compressed": {func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Accept-Encoding") != "" && r.Header.Get("Accept-Encoding") != "identity" {
				w.WriteHeader(500)
				return
			}
			content(template)(w, r)
		}, 0, "", 0, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(test.handler)
			defer server.Close()
			url := server.URL + "/release.dn"
			got, code, said := decodeFrom(t, url)
			if code != test.code || !strings.Contains(said, test.says) || code != 0 && !strings.Contains(said, url) {
				t.Errorf("exit code %d: %s", code, said)
			}
			if code == 0 && !bytes.Equal(got, file) {
				t.Error("other bytes")
			}
			got, code, said = decodeFrom(t, url, "--range", "1000000:5000")
			if code != test.code2 || !strings.Contains(said, test.says2) {
				t.Errorf("a range: exit code %d: %s", code, said)
			}
			if code == 0 && !bytes.Equal(got, file[1000000:1005000]) {
				t.Error("a range: other bytes")
			}
		})
	}
}

// A server that breaks off in a pack of records has not sent a wrong one.
func TestDecodeURLRecords(t *testing.T) {
	t.Setenv("DICTNET_HOME", t.TempDir())
	pack := append([]byte(records.PackMagic), binary.AppendUvarint(nil, 200)...)
	server := httptest.NewServer(breaking(100, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write(append(pack, make([]byte, 300)...)) })))
	defer server.Close()
	if _, code, said := decodeFrom(t, server.URL); code != exitUnavailable || !strings.Contains(said, "template "+server.URL+": unavailable: it broke off") {
		t.Errorf("exit code %d: %s", code, said)
	}
}

// A server that breaks off in the midst of the index of a directory has not sent a wrong one.
func TestListURLThatBreaksOff(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("DICTNET_HOME", filepath.Join(dir, "home"))
	site, out := filepath.Join(dir, "site"), filepath.Join(dir, "site.dn")
	if err := os.Mkdir(site, 0o777); err != nil {
		t.Fatal(err)
	}
	name := make([]byte, 100)
	r := rand.New(rand.NewSource(1))
	for range 4000 { // whose names take two blocks
		r.Read(name)
		if err := os.WriteFile(filepath.Join(site, fmt.Sprintf("%x", name)), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	var stderr bytes.Buffer
	if code := run(t.Context(), []string{"encode", site, "-o", out, "--profile", "fast"}, nil, io.Discard, &stderr); code != 0 {
		t.Fatal(stderr.String())
	}
	template, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var from int
		if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from); err == nil && from > len(template)/3 {
			panic(http.ErrAbortHandler)
		}
		content(template)(w, r)
	}))
	defer server.Close()
	stderr.Reset()
	if code := run(t.Context(), []string{"ls", server.URL}, nil, io.Discard, &stderr); code != exitUnavailable {
		t.Errorf("exit code %d: %s", code, &stderr)
	}
}

// wrongRange answers ranges with a Content-Range that does not fit.
func wrongRange(says string, template []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Range") == "" {
			w.Write(template)
			return
		}
		if strings.Count(says, "%d") == 2 {
			says = fmt.Sprintf(says, len(template)-1, len(template))
		}
		w.Header().Set("Content-Range", says)
		w.WriteHeader(http.StatusPartialContent)
		w.Write(template[:1000])
	}
}

// A range of a file asks for parts of its template only.
func TestDecodeURLRange(t *testing.T) {
	file, template := templateOf(t, 12_000_000)
	var sent atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		content(template)(&counting{w, &sent}, r)
	}))
	defer server.Close()
	got, code, said := decodeFrom(t, server.URL, "--range", "9000000:100")
	if code != 0 || !bytes.Equal(got, file[9000000:9000100]) {
		t.Errorf("exit code %d: %s", code, said)
	}
	if sent.Load() > int64(len(template))/2 {
		t.Errorf("%d of %d bytes were sent", sent.Load(), len(template))
	}
}

type counting struct {
	http.ResponseWriter
	n *atomic.Int64
}

func (c *counting) Write(b []byte) (int, error) {
	n, err := c.ResponseWriter.Write(b)
	c.n.Add(int64(n))
	return n, err
}

// The template is changed while it is read: an error, never a mixture.
func TestDecodeURLChanged(t *testing.T) {
	_, one := templateOf(t, 1_500_000)
	two := bytes.Clone(one)
	two[len(two)/2] ^= 1
	var asked atomic.Int64
	server := httptest.NewServer(breaking(700_000, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		template, etag := one, `"1"`
		if asked.Add(1) > 1 {
			template, etag = two, `"2"`
		}
		w.Header().Set("Etag", etag)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(template))
	})))
	defer server.Close()
	if _, code, said := decodeFrom(t, server.URL); code != exitUnavailable || !strings.Contains(said, "changed while it was read") {
		t.Errorf("exit code %d: %s", code, said)
	}
}

// A server that has too much to do is asked again when it wants to be, unless that is not soon.
func TestBusyServer(t *testing.T) {
	file, template := templateOf(t, 100_000)
	for _, test := range []struct {
		after string
		code  int
		asked int64
	}{
		{"1", 0, 2},
		{"3600", exitUnavailable, 1},
		{"", exitUnavailable, 1},
	} {
		var asked atomic.Int64
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if asked.Add(1) == 1 {
				w.Header().Set("Retry-After", test.after)
				http.Error(w, "busy", http.StatusServiceUnavailable)
				return
			}
			w.Header().Set("Accept-Ranges", "none")
			w.Write(template)
		}))
		got, code, said := decodeFrom(t, server.URL)
		server.Close()
		if code != test.code || asked.Load() != test.asked || code == 0 && !bytes.Equal(got, file) {
			t.Errorf("Retry-After %q: exit code %d after %d requests: %s", test.after, code, asked.Load(), said)
		}
	}
}

// Nothing is said of passwords.
func TestURLWithPassword(t *testing.T) {
	t.Setenv("DICTNET_HOME", t.TempDir())
	for _, url := range []string{"http://me:hidden@127.0.0.1:1/x", "http://me:hidden@127.0.0.1:bad/x", "http://", "http:///x", "HTTP://me:hidden@127.0.0.1:1"} {
		_, code, said := decodeFrom(t, url)
		if code != exitUnavailable && code != exitUsage || strings.Contains(said, "hidden") {
			t.Errorf("%s: exit code %d: %s", url, code, said)
		}
	}
}

// A server that falls silent is given up, and reading ends with the context.
func TestSilentServer(t *testing.T) {
	_, template := templateOf(t, 100_000)
	quit := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(template)))
		w.Write(template[:1000])
		http.NewResponseController(w).Flush()
		<-quit
	}))
	defer server.Close()
	defer close(quit)
	r, err := newRemote(t.Context(), server.URL)
	if err != nil {
		t.Fatal(err)
	}
	r.stall = 100 * time.Millisecond
	resp, err := r.request(0, -1)
	if err != nil {
		t.Fatal(err)
	}
	s := newRemoteStream(r, resp)
	defer s.Close()
	if b, err := io.ReadAll(s); len(b) != 1000 || exitCode(err) != exitUnavailable {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	in, err := new(app).openURL(ctx, server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer in.close()
	time.AfterFunc(50*time.Millisecond, cancel)
	if _, err := io.ReadAll(in); exitCode(err) != exitInterrupted {
		t.Errorf("canceled: %v", err)
	}
}

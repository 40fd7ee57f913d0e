package main

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ipfs/go-cid"
	"github.com/rogpeppe/go-internal/testscript"

	"dictnet/chain/devchain"
	"dictnet/dictnet/store"
)

// TestRolesEmbedded runs testdata/network on the embedded chain; with the build tag peers, Anvil runs it too.
func TestRolesEmbedded(t *testing.T) {
	chain, err := devchain.Start(t.Context(), devchain.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { chain.Close() })
	runNetworkScripts(t, chain.URL())
}

func runNetworkScripts(t *testing.T, rpc string) {
	cmds := scriptCommands()
	cmds["serve"], cmds["gateway"], cmds["flipnote"], cmds["flipblock"] = serveNode, serveHTTP, flipNote, flipBlock
	files, err := filepath.Glob("testdata/network/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files { // one after the other: all of them send transactions of one account
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			testscript.Run(t, testscript.Params{
				Files:               []string{file},
				RequireExplicitExec: true,
				Setup: func(e *testscript.Env) error {
					e.Setenv("DICTNET_HOME", e.WorkDir+"/home")
					e.Setenv("RPC", rpc)
					e.Setenv("RPC2", strings.Replace(rpc, "127.0.0.1", "localhost", 1)) // another name of the same node
					return nil
				},
				Cmds: cmds,
			})
		})
	}
}

// serve HOME VAR FLAG...: serves a home until the script ends, and sets a variable to the node's address, and VAR_HTTP to its URL. What the node
// says goes to the file HOME.log.
func serveNode(ts *testscript.TestScript, neg bool, args []string) {
	path, err := exec.LookPath("dictnet")
	if p := ts.Getenv("PATH"); err != nil {
		path = filepath.Join(filepath.SplitList(p)[0], "dictnet")
	}
	cmd := exec.Command(path, append([]string{"node", "--home", ts.MkAbs(args[0]), "--listen", "/ip4/127.0.0.1/tcp/0", "--http", "127.0.0.1:0", "--json", "--verbose"}, args[2:]...)...)
	log, err := os.Create(ts.MkAbs(args[0] + ".log"))
	ts.Check(err)
	defer log.Close()
	cmd.Stderr = log
	out, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	ts.Defer(func() {
		cmd.Process.Signal(os.Interrupt)
		late := time.AfterFunc(10*time.Second, func() { cmd.Process.Kill() })
		defer late.Stop()
		if err := cmd.Wait(); err != nil {
			ts.Logf("node of %s: %v", args[0], err)
		}
	})
	var started struct {
		Peers []string
		HTTP  string
	}
	ts.Check(json.NewDecoder(out).Decode(&started))
	ts.Setenv(args[1], started.Peers[0])
	ts.Setenv(args[1]+"_HTTP", started.HTTP)
}

// gateway HOME VAR: serves the blocks of a home over HTTP, as any file server with files named by CID would, and sets a
// variable to its URL.
func serveHTTP(ts *testscript.TestScript, neg bool, args []string) {
	s, err := store.Open(ts.MkAbs(args[0]), store.Options{ReadOnly: true})
	ts.Check(err)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := cid.Decode(strings.TrimPrefix(r.URL.Path, "/ipfs/"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		b, err := s.Get(r.Context(), c)
		if err != nil {
			http.Error(w, err.Error(), http.StatusNotFound)
			return
		}
		w.Write(b)
	}))
	ts.Defer(func() {
		server.Close()
		s.Close()
	})
	ts.Setenv(args[1], server.URL)
}

// flipNote HOME: flips a bit in the largest block of a home, which is a note.
func flipNote(ts *testscript.TestScript, neg bool, args []string) {
	var largest string
	var place, size int
	eachBlock(ts, args[0], func(path string, at int, block []byte) {
		if len(block) > size {
			largest, place, size = path, at, len(block)
		}
	})
	flip(ts, false, []string{largest, strconv.Itoa(place + 1000)})
}

// flipBlock HOME CID: flips a bit in a block of a home.
func flipBlock(ts *testscript.TestScript, neg bool, args []string) {
	c, err := cid.Decode(args[1])
	ts.Check(err)
	found := false
	eachBlock(ts, args[0], func(path string, at int, block []byte) {
		if sum := sha256.Sum256(block); string(sum[:]) == string(c.Hash()[2:]) {
			flip(ts, false, []string{path, strconv.Itoa(at + len(block) - 10)})
			found = true
		}
	})
	if !found {
		ts.Fatalf("no block %s", c)
	}
}

// eachBlock visits the blocks of a home, as docs/operating.md says that they lie in its packs, with their places in these.
func eachBlock(ts *testscript.TestScript, home string, do func(path string, at int, block []byte)) {
	packs, err := filepath.Glob(filepath.Join(ts.MkAbs(home), "blocks", "*.pack"))
	ts.Check(err)
	for _, path := range packs {
		pack, err := os.ReadFile(path)
		ts.Check(err)
		for at := 0; at < len(pack); {
			begin := at + 44
			end := begin + int(binary.LittleEndian.Uint32(pack[at+4:]))
			if string(pack[at:at+4]) == "note" {
				do(path, begin, pack[begin:end])
			}
			at = (end + 7) &^ 7
		}
	}
}

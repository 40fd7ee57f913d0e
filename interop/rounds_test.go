//go:build interop

package interop

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// wire is a long cable between two hosts, and counts round trips: not by the clock, but by who had heard what when he spoke.
// What the reader sends after he has received something of round n is of round n+1; what the other sends belongs to the latest round of which he
// has acknowledged something. A connection's first packet is of round 1, so its handshake counts as one.
type wire struct {
	delay  time.Duration // each way
	reader string        // address

	mu    sync.Mutex
	flows map[[2]uint16]*flow // by the ports of the reader and of the other
	round int                 // the highest of what has been received
}

type flow struct {
	first uint32 // sequence number of the reader's SYN
	sent  []sent
	heard int // the highest round of what has been received
}

type sent struct {
	end   uint32 // of the bytes, relative to first
	round int
}

// farHosts makes two hosts with a wire between them: their cables end in a third namespace, where this process carries the frames over.
func farHosts(t *testing.T, delay time.Duration) (*hosts, *wire) {
	h := twoHosts(t)
	middle := strings.Replace(h.a, "-a-", "-m-", 1)
	h.namespace(middle)
	for ns, end := range map[string]string{h.a: "toa", h.b: "tob"} {
		h.ip("-n", ns, "link", "add", "cable", "type", "veth", "peer", "name", end, "netns", middle)
		h.ip("-n", ns, "address", "add", map[string]string{h.a: addrA, h.b: addrB}[ns]+"/24", "dev", "cable")
		h.ip("-n", middle, "link", "set", end, "up")
		h.ip("-n", ns, "link", "set", "cable", "up")
		h.ip("-n", ns, "route", "change", "10.77.0.0/24", "dev", "cable", "initcwnd", "400", "initrwnd", "400")
	}
	w := &wire{delay: delay, reader: addrB, flows: make(map[[2]uint16]*flow)}
	for _, ns := range []string{h.a, h.b} { // what leaves the hosts must be as it is on a real cable: with checksums, and no longer than a frame
		inNamespace(t, ns, func() error {
			for _, of := range []string{"rmem", "wmem"} { // room for a note at once
				if err := os.WriteFile("/proc/sys/net/ipv4/tcp_"+of, []byte("4096 8388608 16777216"), 0o644); err != nil {
					return err
				}
			}
			return wholeFrames("cable")
		})
	}
	var ends [2]int
	inNamespace(t, middle, func() (err error) {
		for i, name := range []string{"toa", "tob"} {
			if ends[i], err = frameSocket(name); err != nil {
				return err
			}
		}
		return nil
	})
	ended := make(chan struct{})
	var carriers sync.WaitGroup
	for i := range ends {
		carriers.Go(func() { w.carry(t, ends[1-i], ends[i], ended) })
	}
	t.Cleanup(func() {
		close(ended)
		carriers.Wait()
		unix.Close(ends[0])
		unix.Close(ends[1])
	})
	return h, w
}

// inNamespace calls f in a network namespace.
func inNamespace(t *testing.T, namespace string, f func() error) {
	t.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine, and nobody else finds himself in the namespace
		done <- func() error {
			ns, err := unix.Open("/var/run/netns/"+namespace, unix.O_RDONLY|unix.O_CLOEXEC, 0)
			if err != nil {
				return err
			}
			defer unix.Close(ns)
			if err := unix.Setns(ns, unix.CLONE_NEWNET); err != nil {
				return err
			}
			return f()
		}()
	}()
	if err := <-done; err != nil {
		t.Fatalf("in %s: %v (the test needs root)", namespace, err)
	}
}

// wholeFrames makes an interface compute checksums itself.
func wholeFrames(name string) error {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(s)
	value := struct{ command, data uint32 }{unix.ETHTOOL_STXCSUM, 0}
	var request struct {
		name [unix.IFNAMSIZ]byte
		data unsafe.Pointer
		_    [16]byte
	}
	copy(request.name[:], name)
	request.data = unsafe.Pointer(&value)
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(s), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&request))); errno != 0 {
		return errno
	}
	return nil
}

// frameSocket opens a socket that gets and sends the frames of an interface.
func frameSocket(name string) (int, error) {
	all := int(binary.NativeEndian.Uint16([]byte{unix.ETH_P_ALL >> 8, unix.ETH_P_ALL}))
	s, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, all)
	if err != nil {
		return 0, err
	}
	link, err := net.InterfaceByName(name)
	if err == nil {
		err = unix.Bind(s, &unix.SockaddrLinklayer{Protocol: uint16(all), Ifindex: link.Index})
	}
	unix.SetsockoptInt(s, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 64<<20)
	unix.SetsockoptInt(s, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, 64<<20)
	if err == nil {
		err = unix.SetsockoptTimeval(s, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 50_000})
	}
	return s, err
}

// carry carries frames one way, and has the IPv4 packets in them noted when they arrive at the reader's or leave him.
func (w *wire) carry(t *testing.T, to, from int, ended <-chan struct{}) {
	type frame struct {
		at   time.Time
		data []byte
	}
	under := make(chan frame, 1<<16)
	defer close(under)
	go func() {
		for f := range under {
			time.Sleep(time.Until(f.at))
			w.saw(f.data, false)
			unix.Send(to, f.data, 0)
		}
	}()
	buffer := make([]byte, 128<<10)
	for {
		n, _, err := unix.Recvfrom(from, buffer, 0)
		switch {
		case err == nil:
			data := bytes.Clone(buffer[:n])
			w.saw(data, true)
			under <- frame{time.Now().Add(w.delay), data}
		case err != unix.EAGAIN && err != unix.EINTR:
			t.Errorf("the cable: %v", err)
			return
		}
		select {
		case <-ended:
			return
		default:
		}
	}
}

// saw takes note of a frame: of the reader's when it leaves, of the other's when it arrives.
func (w *wire) saw(frame []byte, leaves bool) {
	if len(frame) < 14+20 || binary.BigEndian.Uint16(frame[12:]) != unix.ETH_P_IP {
		return
	}
	p := frame[14:]
	if p[9] != unix.IPPROTO_TCP || (fmt.Sprintf("%d.%d.%d.%d", p[12], p[13], p[14], p[15]) == w.reader) != leaves {
		return
	}
	total, ip := int(binary.BigEndian.Uint16(p[2:])), int(p[0]&15)*4
	if total < ip+20 || len(p) < ip+20 {
		return
	}
	tcp := p[ip:]
	src, dst := binary.BigEndian.Uint16(tcp), binary.BigEndian.Uint16(tcp[2:])
	seq, ack := binary.BigEndian.Uint32(tcp[4:]), binary.BigEndian.Uint32(tcp[8:])
	syn := tcp[13]&2 != 0
	length := total - ip - int(tcp[12]>>4)*4
	if syn {
		length++
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if leaves {
		f := w.flows[[2]uint16{src, dst}]
		if f == nil {
			if !syn {
				return
			}
			f = &flow{first: seq}
			w.flows[[2]uint16{src, dst}] = f
		}
		if length > 0 {
			f.sent = append(f.sent, sent{seq + uint32(length) - f.first, f.heard + 1})
		}
		return
	}
	f := w.flows[[2]uint16{dst, src}]
	if f == nil || length == 0 {
		return
	}
	for _, s := range f.sent {
		if s.end <= ack-f.first {
			f.heard = max(f.heard, s.round)
		}
	}
	w.round = max(w.round, f.heard)
}

func (w *wire) rounds() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.round
}

func (w *wire) reset() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.round = 0
	clear(w.flows)
}

// The first byte of a file whose notes are on another machine comes after three round trips from a peer of our kind, after two from a gateway of our kind,
// counted from the first packet of a process that holds nothing and has no connection: a dictionary of three levels, a template that names it by its
// manifest. Slow start and small windows are taken out of the way, since what they cost depends on how large the note is: with them, a note of 128 KiB takes three
// round trips more on any TCP.
func TestFirstByteRoundTrips(t *testing.T) {
	t.Parallel()
	const distance = 400 * time.Millisecond // there and back; longer than what is done in between takes
	h, w := farHosts(t, distance/2)
	var err error
	if h.binary, err = filepath.Abs(plainDictnet); err != nil {
		t.Fatal(err)
	}
	old := make([]byte, 44<<20)
	r := rand.NewChaCha8([32]byte{4})
	r.Read(old)
	for name, data := range map[string][]byte{"old": old, "part": old[20<<20 : 21<<20]} {
		if err := os.WriteFile(filepath.Join(h.dir, name), data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	h.run(h.a, "publisher", "build", "old", "-o", "releases")
	h.run(h.a, "publisher", "encode", "part", "-d", "releases", "-o", "template.dn")
	h.run(h.a, "publisher", "encode", "part", "-d", "releases", "-o", "portable.dn", "--portable")
	var published struct {
		Manifest string
		Size     uint64
	}
	if err := json.Unmarshal(h.run(h.a, "publisher", "publish", "releases", "--no-chain", "--json"), &published); err != nil {
		t.Fatal(err)
	}
	if published.Size <= 256 {
		t.Fatalf("%d notes are too few for three levels", published.Size)
	}
	node := h.on(h.a, "publisher", "node", "--listen", "/ip4/"+addrA+"/tcp/4011", "--http", addrA+":4012", "--json")
	out, err := node.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		node.Process.Signal(os.Interrupt)
		node.Wait()
	})
	var started struct{ Peers []string }
	if err := json.NewDecoder(out).Decode(&started); err != nil {
		t.Fatal(err)
	}
	for i, test := range []struct {
		name, template string
		source         []string
		rounds         int
	}{
		{"peer", "template.dn", []string{"--peer", started.Peers[0]}, 3},
		{"gateway", "template.dn", []string{"--gateway", "http://" + addrA + ":4012"}, 2},
		{"portable, from a peer", "portable.dn", []string{"--as-listed", "--peer", started.Peers[0]}, 3},
		{"portable, from a gateway", "portable.dn", []string{"--as-listed", "--gateway", "http://" + addrA + ":4012"}, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			w.reset()
			args := append([]string{"decode", test.template, "-o", "-"}, test.source...)
			if !strings.HasPrefix(test.template, "portable") {
				args = append(args, "-d", published.Manifest)
			}
			cmd := h.on(h.b, fmt.Sprint("reader", i), args...)
			var stderr strings.Builder
			cmd.Stderr = &stderr
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			begin := time.Now()
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			first := make([]byte, 1)
			_, err = io.ReadFull(out, first)
			rounds, took := w.rounds(), time.Since(begin)
			rest, _ := io.ReadAll(out)
			if werr := cmd.Wait(); err != nil || werr != nil {
				t.Fatalf("decode: %v, %v\n%s", err, werr, stderr.String())
			}
			if got := string(first) + string(rest); got != string(old[20<<20:21<<20]) {
				t.Error("other bytes came")
			}
			t.Logf("%d round trips; %.2f of them by the clock, from the start of the process", rounds, took.Seconds()/distance.Seconds())
			if rounds != test.rounds {
				t.Errorf("the first byte came after %d round trips, want %d", rounds, test.rounds)
			}
		})
	}
}

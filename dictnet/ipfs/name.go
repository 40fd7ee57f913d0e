package ipfs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"github.com/ipfs/boxo/ipns"
	"github.com/ipfs/boxo/path"
	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p/core/crypto"
	dhts "github.com/libp2p/go-libp2p/core/routing"

	"dictnet/dictnet/store"
	"dictnet/internal/durable"
)

const (
	nameLife = 48 * time.Hour   // of a record; DHTs forget it no later
	nameTTL  = 5 * time.Minute  // for which a resolver may keep it
	findTime = 30 * time.Second // for looking up one name
	nameTime = time.Minute      // for publishing it then
	renew    = 4 * time.Hour    // between publications of the same
)

// Pointer is what an IPNS name stands for: a signed statement that can be replaced by a later one. It is as good as
// the key behind the name: unlike a registry on a chain, nothing keeps the holder of the key from pointing at a version that
// does not extend the last.
type Pointer struct {
	Name     string // "k51...", made of the public key
	Manifest cid.Cid
	Sequence uint64 // a later record has a greater one
	Until    time.Time
}

// Later reports whether of two records of one name p is the one that counts, as for a DHT: that of the greater sequence, and of two with the same sequence
// that which holds for longer.
func (p Pointer) Later(q Pointer) bool {
	return p.Sequence > q.Sequence || p.Sequence == q.Sequence && p.Until.After(q.Until)
}

// OpenRecord checks that a record (IPNS Record, specs.ipfs.tech/ipns/ipns-record) is signed by the key that the name is
// made of and has not expired, and returns what it says. The name may be with or without "/ipns/".
func OpenRecord(name string, record []byte) (Pointer, error) {
	n, err := ipns.NameFromString(name)
	if err != nil {
		return Pointer{}, fmt.Errorf("IPNS name %q: %w", name, err)
	}
	bad := func(err error) (Pointer, error) { return Pointer{}, fmt.Errorf("record of IPNS name %s: %w", n, err) }
	r, err := ipns.UnmarshalRecord(record)
	if err != nil {
		return bad(err)
	}
	if err := ipns.ValidateWithName(r, n); err != nil {
		return bad(err)
	}
	p := Pointer{Name: n.String()}
	value, err := r.Value()
	if err != nil {
		return bad(err)
	}
	target, err := path.NewImmutablePath(value)
	if err != nil || len(target.Segments()) != 2 {
		return bad(fmt.Errorf("points at %s, which is not a manifest", value))
	}
	p.Manifest = target.RootCid()
	if x := p.Manifest.Prefix(); x.Version != 1 || x.Codec != cid.DagCBOR {
		return bad(fmt.Errorf("points at %s, which is not a manifest", value))
	}
	if p.Sequence, err = r.Sequence(); err != nil {
		return bad(err)
	}
	if p.Until, err = r.Validity(); err != nil {
		return bad(err)
	}
	return p, nil
}

// CheckName reports whether a text is an IPNS name.
func CheckName(name string) error {
	if _, err := ipns.NameFromString(name); err != nil {
		return fmt.Errorf("IPNS name %q: %w", name, err)
	}
	return nil
}

// signRecord makes a record that replaces one of a smaller sequence.
func signRecord(key crypto.PrivKey, manifest cid.Cid, sequence uint64) ([]byte, error) {
	r, err := ipns.NewRecord(key, path.FromCid(manifest), sequence, time.Now().Add(nameLife), nameTTL)
	if err != nil {
		return nil, err
	}
	return ipns.MarshalRecord(r)
}

// Point makes the node's own name stand for a manifest, and tells the DHT. The record is kept in Options.Record, so
// that sequences grow and a running node can repeat it. Pointing at the same manifest again prolongs the record.
func (n *Node) Point(ctx context.Context, manifest cid.Cid) (Pointer, error) {
	n.naming.Lock()
	defer n.naming.Unlock()
	return n.point(ctx, manifest)
}

// point does it, or if no manifest is named prolongs what the name stands for; n.naming is held.
func (n *Node) point(ctx context.Context, manifest cid.Cid) (Pointer, error) {
	name := ipns.NameFromPeer(n.host.ID())
	fail := func(err error) (Pointer, error) {
		return Pointer{}, fmt.Errorf("publish IPNS name %s: %w", name, err)
	}
	if n.o.Key == nil {
		return fail(errors.New("the node has no identity of its own"))
	}
	if n.routing == nil {
		return fail(errNoDHT)
	}
	if err := n.routing.ready(ctx); err != nil {
		return fail(err)
	}
	// Another node of this identity may have published later than what is remembered here.
	last, _ := readRecord(n.o.Record, name.String())
	if record, err := n.lookUp(ctx, name); err == nil {
		if there, err := OpenRecord(name.String(), record); err == nil && there.Later(last) {
			last = there
		}
	}
	if !manifest.Defined() {
		manifest = last.Manifest
	}
	sequence := last.Sequence
	ahead := last.Until.After(time.Now().Add(nameLife)) // the clock was, and of two with one sequence the one that lasts longer counts
	if last.Manifest.Defined() && (last.Manifest != manifest || ahead) {
		sequence++
	}
	record, err := signRecord(n.o.Key, manifest, sequence)
	if err != nil {
		return fail(err)
	}
	if n.o.Record != "" {
		if err := durable.Write(n.o.Record, record, 0o600); err != nil {
			return fail(fmt.Errorf("%w: %w", store.ErrStorage, err))
		}
	}
	ctx, cancel := context.WithTimeout(ctx, nameTime)
	defer cancel()
	if err := n.routing.dht.PutValue(ctx, string(name.RoutingKey()), record); err != nil {
		return fail(err)
	}
	return OpenRecord(name.String(), record)
}

// keepName publishes the name again on schedule, if one was ever published, because DHTs forget. What does not succeed, as while the network is not there, is tried
// again sooner.
func (n *Node) keepName() {
	for wait := time.Duration(0); ; {
		if n.nameDue(wait) {
			wait = renew
			if err := n.repoint(n.ctx); err != nil && n.ctx.Err() == nil {
				slog.Warn("publish the name again", "error", err)
				wait = n.o.retry
			}
		}
		select {
		case <-n.ctx.Done():
			return
		case <-time.After(min(wait, n.o.retry)): // not all of it: timers stand still while the machine sleeps
		}
	}
}

// nameDue reports whether so much time has passed since the name was to be published last, and if so notes that it is now.
func (n *Node) nameDue(wait time.Duration) bool {
	n.naming.Lock()
	defer n.naming.Unlock()
	due := passed(n.named) >= wait
	if due {
		n.named = time.Now()
	}
	return due
}

func (n *Node) repoint(ctx context.Context) error {
	n.naming.Lock()
	defer n.naming.Unlock()
	if n.o.Key == nil || n.o.Record == "" {
		return nil
	}
	last, err := readRecord(n.o.Record, ipns.NameFromPeer(n.host.ID()).String())
	if err == nil || errors.Is(err, ipns.ErrExpiredRecord) {
		err = nil
		if last.Manifest.Defined() {
			_, err = n.point(ctx, cid.Undef)
		}
	}
	return err
}

// Record looks a name up in the DHT. See OpenRecord for what it says.
func (n *Node) Record(ctx context.Context, name string) ([]byte, error) {
	parsed, err := ipns.NameFromString(name)
	if err != nil {
		return nil, fmt.Errorf("IPNS name %q: %w", name, err)
	}
	if n.routing == nil {
		return nil, errNoDHT
	}
	if err := n.Connect(ctx); err != nil {
		return nil, err
	}
	if err := n.routing.ready(ctx); err != nil {
		return nil, err
	}
	return n.lookUp(ctx, parsed)
}

// lookUp returns the latest record that members of the DHT have given when all have answered, or when the time is over: some may be silent for long.
func (n *Node) lookUp(ctx context.Context, name ipns.Name) (latest []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, findTime)
	defer cancel()
	records, err := n.routing.dht.SearchValue(ctx, string(name.RoutingKey()))
	if err != nil {
		return nil, err
	}
	for r := range records { // each later than the one before
		latest = r
	}
	if latest == nil {
		return nil, cmp.Or(ctx.Err(), dhts.ErrNotFound)
	}
	return latest, nil
}

// readRecord returns what was last published. An expired record still tells its sequence and manifest.
func readRecord(file, name string) (Pointer, error) {
	if file == "" {
		return Pointer{}, nil
	}
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return Pointer{}, nil
	}
	if err != nil {
		return Pointer{}, err
	}
	p, err := OpenRecord(name, data)
	if !errors.Is(err, ipns.ErrExpiredRecord) {
		return p, err
	}
	r, _ := ipns.UnmarshalRecord(data) // it was good but for its age
	value, verr := r.Value()
	target, terr := path.NewImmutablePath(value)
	sequence, serr := r.Sequence()
	if verr != nil || terr != nil || serr != nil {
		return Pointer{}, errors.Join(verr, terr, serr)
	}
	return Pointer{Name: name, Manifest: target.RootCid(), Sequence: sequence}, err
}

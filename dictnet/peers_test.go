package dictnet

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ipfs/go-cid"

	"dictnet/codec"
	"dictnet/dictnet/manifest"
	"dictnet/dictnet/store"
)

// These tests run by a clock of their own: only who waits for whom takes time.

// madeUp makes a dictionary in a store of n notes that are nowhere.
func madeUp(t *testing.T, s *store.Store, n int) codec.DictionaryRef {
	t.Helper()
	ref, err := manifest.Append(t.Context(), s, cid.Undef, func(yield func(manifest.Note, error) bool) {
		for i := range n {
			if !yield(manifest.Note{CID: numbered(i), RawLen: 10}, nil) {
				return
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

// madeSource is a source that is made of a function.
type madeSource struct {
	name   string
	refuse atomic.Bool // it cannot be reached
	fetch  func(s *madeSource, ctx context.Context, want []cid.Cid, got func(cid.Cid, []byte)) error
}

func (s *madeSource) Name() string { return s.name }

func (s *madeSource) Open(context.Context) (Session, error) {
	if s.refuse.Load() {
		return nil, errors.New("connection refused")
	}
	return s, nil
}

func (s *madeSource) Fetch(ctx context.Context, want []cid.Cid, got func(cid.Cid, []byte)) error {
	return s.fetch(s, ctx, want, got)
}

func silent(_ *madeSource, ctx context.Context, _ []cid.Cid, _ func(cid.Cid, []byte)) error {
	<-ctx.Done()
	return ctx.Err()
}

// slowly sends the blocks of a store, so many together as take their time.
func slowly(from *store.Store, together int, each time.Duration) func(*madeSource, context.Context, []cid.Cid, func(cid.Cid, []byte)) error {
	return func(_ *madeSource, ctx context.Context, want []cid.Cid, got func(cid.Cid, []byte)) error {
		for len(want) > 0 {
			some := want[:min(len(want), together)]
			want = want[len(some):]
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(time.Duration(len(some)) * each):
			}
			for _, c := range some {
				if data, err := from.Get(ctx, c); err == nil {
					got(c, data)
				}
			}
		}
		return nil
	}
}

// madeParty is a source of several.
type madeParty struct {
	madeSource
	members []Member
}

func (p *madeParty) Open(context.Context) (Session, error) { return p, nil }
func (p *madeParty) Members() ([]Member, bool)             { return p.members, false }
func (p *madeParty) Seek(context.Context, []cid.Cid)       {}

type madeMember struct {
	*madeSource
	stranger bool
}

func (m madeMember) Stranger() bool { return m.stranger }

// A list that is longer than what may be queued comes to its end when nobody can be reached.
func TestNobodyForALongList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 2*maxQueued + 100
		s := openStore(t, store.Options{})
		ref := madeUp(t, s, n)
		nobody := &madeSource{name: "nobody"}
		nobody.refuse.Store(true)
		c := newClient(t, Options{Store: s, Sources: []Source{nobody}})
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if r, err := NewAuditor(c).Audit(ctx, Audit{Ref: ref}); err != nil || r.Unavailable != n {
			t.Errorf("%+v, %v", r, err)
		}
	})
}

// One who was of use and cannot be reached any more, beside one who sends what is wrong: what nobody can be asked for is waited for no longer than the timeout.
func TestNobodyLeft(t *testing.T) {
	origin := openStore(t, store.Options{})
	p := publish(t, origin, 300)
	synctest.Test(t, func(t *testing.T) {
		first := &madeSource{name: "one who goes away", fetch: func(s *madeSource, ctx context.Context, want []cid.Cid, got func(cid.Cid, []byte)) error {
			for _, c := range want {
				if isNote(c) {
					s.refuse.Store(true)
					return errors.New("connection reset")
				}
				data, err := origin.Get(ctx, c)
				if err != nil {
					return err
				}
				got(c, data)
			}
			return nil
		}}
		liar := &madeSource{name: "liar", fetch: func(_ *madeSource, _ context.Context, want []cid.Cid, got func(cid.Cid, []byte)) error {
			for _, c := range want {
				got(c, []byte("something else"))
			}
			return nil
		}}
		c := newClient(t, Options{Sources: []Source{first, liar}, Timeout: 10 * time.Second})
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		begin := time.Now()
		r, err := NewAuditor(c).Audit(ctx, Audit{Ref: p.Ref})
		if err != nil || r.Unavailable != 300 {
			t.Errorf("%+v, %v", r, err)
		}
		if took := time.Since(begin); took > time.Minute {
			t.Errorf("took %v", took)
		}
	})
}

// Strangers are asked after those who were named, and one source of many who are silent holds nothing that another has.
func TestManySilent(t *testing.T) {
	origin := openStore(t, store.Options{})
	p := publish(t, origin, 1)
	for _, stranger := range []bool{true, false} {
		t.Run(fmt.Sprintf("strangers %v", stranger), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				all := &madeParty{madeSource: madeSource{name: "peers"}}
				for i := range 30 {
					all.members = append(all.members, madeMember{&madeSource{name: fmt.Sprint("silent ", i), fetch: silent}, stranger})
				}
				good := &madeSource{name: "good", fetch: slowly(origin, 1, time.Millisecond)}
				sources := []Source{all}
				if stranger {
					all.members = append(all.members, madeMember{good, false})
				} else {
					sources = append(sources, good)
				}
				c := newClient(t, Options{Sources: sources, Timeout: 30 * time.Second, Idle: time.Second})
				begin := time.Now()
				if _, err := c.Open(t.Context(), p.Ref); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(begin); took > time.Second {
					t.Errorf("took %v", took)
				}
				if st := c.Stats(); stranger && st.Stalls > 0 {
					t.Errorf("%+v", st)
				}
			})
		})
	}
}

// auditAll has a client fetch all notes of a version, which are all to be had.
func auditAll(t *testing.T, c *Client, ref codec.DictionaryRef) {
	t.Helper()
	r, err := NewAuditor(c).Audit(t.Context(), Audit{Ref: ref})
	if err == nil {
		err = r.Err()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// A source that is never silent for long, but slow, is helped by the next.
func TestSlowSource(t *testing.T) {
	origin := openStore(t, store.Options{})
	p := publish(t, origin, 300)
	synctest.Test(t, func(t *testing.T) {
		slow := &madeSource{name: "slow", fetch: slowly(origin, 1, stagger-10*time.Millisecond)}
		fast := &madeSource{name: "fast", fetch: slowly(origin, 1, time.Millisecond)}
		c := newClient(t, Options{Sources: []Source{slow, fast}, Timeout: 30 * time.Second, Idle: time.Second})
		begin := time.Now()
		auditAll(t, c, p.Ref)
		if took := time.Since(begin); took > 15*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

// Over a slow line, many blocks at once take too long, each of them: fewer are asked for.
func TestSlowLine(t *testing.T) {
	origin := openStore(t, store.Options{})
	p := publish(t, origin, 20)
	synctest.Test(t, func(t *testing.T) {
		src := &madeSource{name: "gateway", fetch: slowly(origin, 8, 2*time.Second)}
		c := newClient(t, Options{Sources: []Source{src}, Timeout: 30 * time.Second, Idle: time.Second})
		begin := time.Now()
		auditAll(t, c, p.Ref)
		t.Logf("took %v, %+v", time.Since(begin), c.Stats())
	})
}

// What nobody waits for any more is not asked of others.
func TestNotWantedAnyMore(t *testing.T) {
	s := openStore(t, store.Options{})
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		other := &madeSource{name: "other", fetch: func(_ *madeSource, _ context.Context, want []cid.Cid, _ func(cid.Cid, []byte)) error {
			asked.Add(int64(len(want)))
			return nil
		}}
		c := newClient(t, Options{Store: s, Sources: []Source{&madeSource{name: "silent", fetch: silent}, other}, Timeout: 30 * time.Second, Idle: time.Second})
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if _, err := c.Get(ctx, numbered(1)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		time.Sleep(20 * time.Second)
		if n := asked.Load(); n > 0 {
			t.Errorf("the other was asked %d times", n)
		}
	})
}

// What somebody waits for is asked for first, in the order in which it was asked for: the first that is played must not stand behind those that come later.
func TestWaitedForInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		requests := make(chan []cid.Cid, 10)
		late := &madeSource{name: "late", fetch: func(_ *madeSource, _ context.Context, want []cid.Cid, _ func(cid.Cid, []byte)) error {
			requests <- want
			return nil
		}}
		late.refuse.Store(true)
		f := newFetcher(openStore(t, store.Options{}), []Source{late}, time.Minute, time.Second)
		defer f.close()
		for _, i := range []int{0, 1, 2, 3, 4, 5} {
			f.ask(&want{c: numbered(i)}) // ahead
		}
		for _, i := range []int{3, 7, 4, 3} {
			f.ask(&want{c: numbered(i), keep: true})
		}
		late.refuse.Store(false)
		asked := <-requests
		var want []cid.Cid
		for _, i := range []int{3, 7, 4, 0, 1, 2, 5} {
			want = append(want, numbered(i))
		}
		if !slices.Equal(asked, want) {
			t.Errorf("asked for in the order %v, want %v", asked, want)
		}
	})
}

// One who never says anything is given up, though another gives each block before it is his fault.
func TestSilentBesideAQuickOne(t *testing.T) {
	origin := openStore(t, store.Options{})
	p := publish(t, origin, 100)
	synctest.Test(t, func(t *testing.T) {
		sources := []Source{&madeSource{name: "silent", fetch: silent}, &madeSource{name: "good", fetch: slowly(origin, 1, time.Millisecond)}}
		c := newClient(t, Options{Sources: sources, Timeout: 30 * time.Second, Idle: time.Second})
		tape, err := c.Open(t.Context(), p.Ref)
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		checkTape(t, tape, 100)
		if took := time.Since(begin); took > 10*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

// Of several who are one source, the one is blamed who did it.
func TestWhoIsBlamed(t *testing.T) {
	s := openStore(t, store.Options{})
	synctest.Test(t, func(t *testing.T) {
		nothing := func(*madeSource, context.Context, []cid.Cid, func(cid.Cid, []byte)) error { return nil }
		liar := func(_ *madeSource, _ context.Context, want []cid.Cid, got func(cid.Cid, []byte)) error {
			for _, c := range want {
				got(c, []byte("something else"))
			}
			return nil
		}
		peers := &madeParty{madeSource: madeSource{name: "peer A, peer B"}, members: []Member{
			madeMember{&madeSource{name: "peer A", fetch: liar}, false}, madeMember{&madeSource{name: "peer B", fetch: nothing}, false}}}
		c := newClient(t, Options{Store: s, Sources: []Source{peers, &madeSource{name: "gateway", fetch: nothing}}})
		if _, err := c.Get(t.Context(), numbered(1)); err == nil || !strings.Contains(err.Error(), "(peer A: sent 14 bytes that are not it)") {
			t.Errorf("error %v", err)
		}
	})
}

// A member who broke off, for which what was wanted failed, is asked for what is wanted next.
func TestBackAfterBreakingOff(t *testing.T) {
	origin := openStore(t, store.Options{})
	p := publish(t, origin, 1)
	synctest.Test(t, func(t *testing.T) {
		well := slowly(origin, 1, time.Millisecond)
		broken := true
		member := madeMember{&madeSource{name: "peer", fetch: func(s *madeSource, ctx context.Context, want []cid.Cid, got func(cid.Cid, []byte)) error {
			if broken {
				return errors.New("stream reset")
			}
			return well(s, ctx, want, got)
		}}, false}
		c := newClient(t, Options{Sources: []Source{&madeParty{madeSource: madeSource{name: "peers"}, members: []Member{member}}}, Timeout: 30 * time.Second})
		if _, err := c.Open(t.Context(), p.Ref); !errors.Is(err, ErrUnavailable) {
			t.Fatalf("error %v", err)
		}
		broken = false
		if _, err := c.Open(t.Context(), p.Ref); err != nil {
			t.Error(err)
		}
	})
}

// One who says each time that he has nothing is not silent.
func TestRefusingIsNotSilence(t *testing.T) {
	origin := openStore(t, store.Options{})
	p := publish(t, origin, 100)
	synctest.Test(t, func(t *testing.T) {
		refuses := &madeSource{name: "refuses", fetch: func(*madeSource, context.Context, []cid.Cid, func(cid.Cid, []byte)) error {
			time.Sleep(250 * time.Millisecond)
			return nil
		}}
		c := newClient(t, Options{Sources: []Source{refuses, &madeSource{name: "good", fetch: slowly(origin, 1, time.Millisecond)}}, Timeout: 30 * time.Second, Idle: time.Second})
		tape, err := c.Open(t.Context(), p.Ref)
		if err != nil {
			t.Fatal(err)
		}
		checkTape(t, tape, 100)
		if st := c.Stats(); st.Stalls > 0 {
			t.Errorf("%+v", st)
		}
	})
}

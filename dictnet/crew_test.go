package dictnet

import (
	"context"
	"testing"
	"time"

	"github.com/ipfs/go-cid"

	"dictnet/dictnet/store"
)

// crowd is a party of many who have nothing, and counts how often they are asked who they are.
type crowd struct {
	members []Member
	named   int
}

type stranger struct {
	crowd *crowd
	name  string
}

func (c *crowd) Members() ([]Member, bool)                                        { return c.members, false }
func (c *crowd) Seek(context.Context, []cid.Cid)                                  {}
func (c *crowd) Fetch(context.Context, []cid.Cid, func(cid.Cid, []byte)) error    { return nil }
func (s *stranger) Fetch(context.Context, []cid.Cid, func(cid.Cid, []byte)) error { return nil }
func (s *stranger) Stranger() bool                                                { return true }

func (s *stranger) Name() string {
	s.crowd.named++
	return s.name
}

// A crowd that has called is gone through once in each step, not once for each of them.
func TestCrowd(t *testing.T) {
	f := newFetcher(openStore(t, store.Options{}), nil, time.Minute, time.Second)
	defer f.close()
	c := newCrew(f)
	defer c.close()
	all := new(crowd)
	c.sources = []*crewSource{{sess: all}}
	for i := range 300 {
		all.members = append(all.members, &stranger{all, numbered(i).String()})
	}
	for _, n := range []int{300, 300, 100, 300} {
		some := *all
		some.members = all.members[:n]
		c.sources[0].sess = &some
		all.named = 0
		c.join()
		here := 0
		for _, l := range c.lanes {
			if !l.gone {
				here++
			}
		}
		if here != n || all.named > 2*n {
			t.Errorf("%d of %d are here, asked %d times", here, n, all.named)
		}
	}
}

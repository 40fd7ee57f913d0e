package dictnet

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ipfs/go-cid"
)

// crew decides who is asked for what. Sources race, with a start for those that come first: a later source is
// opened, and asked, when those before it have refused, cannot be reached, or have been silent for the stagger; a source whose session is
// a Party counts as many lanes as it has members. What comes first wins. Who is silent for too long, sends wrong bytes or
// breaks off is left alone for a while, longer each time, and asked only for what nobody better can give.
//
// All methods are called with fetcher.mu held, but for what runs in goroutines of its own.
type crew struct {
	f       *fetcher
	ctx     context.Context
	cancel  context.CancelFunc
	sources []*crewSource
	lanes   []*lane // by rank
	began   time.Time
	dirty   bool // somebody has refused something
}

// crewSource is a source, and what has become of it.
type crewSource struct {
	Source
	rank    int // its place among the sources
	opening bool
	sess    Session // nil if it is not open
	cancel  context.CancelFunc
	joining bool // more members may come by themselves
	seeking bool // it looks for members who have what is wanted
	failed  int  // times in a row that it could not be opened, or broke off, without a good block in between
	cause   error
	until   time.Time // it is not opened again before
	useful  bool      // it has brought a block at some time
}

// lane is one who is asked: a source, or a member of it.
type lane struct {
	f        *fetcher
	src      *crewSource
	name     string
	stranger bool // nobody has named him
	sess     Session
	ctx      context.Context
	cancel   context.CancelFunc

	window      int
	outstanding int           // wants that he is asked for
	preludes    int           // that he is asked for
	led         time.Time     // when he was asked for the last of them
	last        time.Time     // of what he gave last, or when he was asked after he had nothing to do, less owed
	owed        time.Duration // how long he had been silent when others had given all that he was asked for
	idle        time.Duration
	given       uint64 // good blocks
	counted     uint64 // of them, at the last measurement
	measured    time.Time
	rate        float64 // blocks a second, lately; 0: not known
	faults      int     // stalls in a row
	failed      int     // requests in a row that he broke off, without a good block in between
	lies        int
	until       time.Time // left alone
	gone        bool      // he cannot be asked any more
}

// group is what is asked in one request.
type group struct {
	left   int
	cancel context.CancelFunc
}

const (
	firstPatience = 3 // times the idle time until one who has never given anything, nor was given up, is

	firstPause = 250 * time.Millisecond // one who failed is left alone for so long, doubled each time
	lastPause  = 8 * time.Second
	hopeless   = 2               // failures in a row until a source that never gave anything counts as not there
	maxLies    = 8               // wrong blocks, more than good ones, after which nothing more is asked
	tooSlow    = 2 * time.Second // that a lane may take for what it is asked for, before others share it
	rateTime   = time.Second / 4 // between measurements
	spillTime  = 3 * time.Second // a later source helps out when those before it need longer
	knownRate  = 50.0            // blocks a second that one who is not known yet is credited with
	lateFactor = 2               // a want is late when its lane has given so many windows of others since
)

func newCrew(f *fetcher) *crew {
	c := &crew{f: f, began: time.Now()}
	c.ctx, c.cancel = context.WithCancel(f.ctx)
	for i, s := range f.sources {
		c.sources = append(c.sources, &crewSource{Source: s, rank: i})
	}
	return c
}

// close ends all sessions. What they still bring is thrown away.
func (c *crew) close() { c.cancel() }

// names says who is asked, for people.
func (c *crew) names() []string {
	var all []string
	for _, s := range c.sources {
		all = append(all, s.Name())
	}
	return all
}

func pauseAfter(failures int) time.Duration {
	return min(firstPause<<min(failures-1, 10), lastPause)
}

// step brings everything up to now. ticked says that time has passed: some things need not be looked at more often.
func (c *crew) step(now time.Time, ticked bool) {
	if len(c.f.wants) == 0 {
		c.began = now
		return
	}
	if c.f.afresh { // who broke off, for what nobody waits for any more, may be there again
		c.f.afresh = false
		for _, l := range c.lanes {
			l.failed = 0
		}
	}
	c.join()
	if ticked {
		for _, l := range c.lanes {
			c.watch(l, now)
		}
	}
	c.lanes = slices.DeleteFunc(c.lanes, func(l *lane) bool { return l.gone })
	c.open(now)
	c.assign(now)
	if ticked || c.dirty {
		c.dirty = false
		c.settle(now)
	}
}

// join takes in the members of parties that have come, and leaves those that have gone.
func (c *crew) join() {
	for _, s := range c.sources {
		party, ok := s.sess.(Party)
		if !ok {
			continue
		}
		var members []Member
		members, s.joining = party.Members()
		names, come := make([]string, len(members)), make(map[string]bool) // strangers may call in hundreds
		for i, m := range members {
			names[i] = m.Name()
			come[names[i]] = true
		}
		for _, l := range c.lanes {
			if l.src != s || l.gone {
				continue
			}
			if !come[l.name] {
				c.lose(l, nil)
			}
			delete(come, l.name)
		}
		for i, m := range members {
			if come[names[i]] {
				c.enlist(s, names[i], m).stranger = m.Stranger()
			}
		}
		if len(members) == 0 && !s.joining && !s.seeking {
			s.fail(c, errors.New("nobody is connected any more"))
		}
	}
}

func (c *crew) enlist(s *crewSource, name string, sess Session) *lane {
	l := &lane{f: c.f, src: s, name: name, sess: sess, window: newWindow, idle: c.f.idle, last: time.Now(), measured: time.Now()}
	l.ctx, l.cancel = context.WithCancel(c.ctx)
	at, _ := slices.BinarySearchFunc(c.lanes, s.rank+1, func(l *lane, rank int) int { return l.src.rank - rank })
	c.lanes = slices.Insert(c.lanes, at, l)
	return l
}

// lose gives up a lane.
func (c *crew) lose(l *lane, cause error) {
	l.gone = true
	c.takeBack(l)
	l.cancel()
	if cause != nil {
		l.src.cause = fmt.Errorf("%s: %w", l.name, cause)
	}
	c.dirty = true
}

// fail notes that a source could not be opened or has broken off. It is tried again after a while.
func (s *crewSource) fail(c *crew, cause error) {
	if s.cancel != nil {
		s.cancel()
	}
	for _, l := range c.lanes {
		if l.src == s && !l.gone {
			c.lose(l, nil)
		}
	}
	s.sess, s.cancel, s.joining = nil, nil, false
	s.failed++
	if cause != nil && (s.cause == nil || s.failed == 1 || cause.Error() != "nobody is connected any more") {
		s.cause = cause
	}
	s.until = time.Now().Add(pauseAfter(s.failed))
	c.dirty = true
}

// down reports whether there is no hope that the source brings anything soon.
func (s *crewSource) down() bool { return s.sess == nil && s.failed >= hopeless && !s.useful }

// open opens sources: the first at once, each other when those before it have not been of use for its stagger, refuse what is
// wanted, or are slow.
func (c *crew) open(now time.Time) {
	quiet := now.Sub(c.began)
	if c.f.last.After(c.began) {
		quiet = now.Sub(c.f.last)
	}
	for i, s := range c.sources {
		if s.sess == nil && !s.opening && now.After(s.until) {
			before := c.sources[:i]
			switch {
			case quiet >= time.Duration(i)*stagger:
			case !slices.ContainsFunc(before, func(b *crewSource) bool { return !(b.sess == nil && b.failed > 0) }): // all are failing
			case c.unserved(i):
			case c.slow(i, now):
			default:
				continue
			}
			c.start(s)
		}
	}
}

// unserved reports whether something is queued that no source before this one has to offer.
func (c *crew) unserved(rank int) bool {
	for e := c.f.queue.Front(); e != nil; e = e.Next() {
		w := e.Value.(*want)
		if len(w.asked) == 0 && !slices.ContainsFunc(c.sources[:rank], func(s *crewSource) bool { return !c.refusedBy(w, s) }) {
			return true
		}
	}
	return false
}

// slow reports whether all who are asked need long, of sources before this one.
func (c *crew) slow(rank int, now time.Time) bool {
	some := false
	for _, l := range c.lanes {
		if l.src.rank < rank && !l.gone && l.outstanding > 0 {
			if l.delay() < spillTime {
				return false
			}
			some = true
		}
	}
	return some && now.Sub(c.began) >= spillTime // the speed of those who have just begun is not known
}

func (c *crew) start(s *crewSource) {
	s.opening = true
	ctx, cancel := context.WithCancel(c.ctx)
	c.f.wg.Go(func() {
		sess, err := s.Open(ctx)
		c.f.mu.Lock()
		defer c.f.mu.Unlock()
		defer c.f.wake()
		s.opening = false
		if err != nil || c.ctx.Err() != nil {
			cancel()
			if c.ctx.Err() == nil {
				s.fail(c, err)
			}
			return
		}
		s.sess, s.cancel = sess, cancel
		if _, ok := sess.(Party); !ok {
			c.enlist(s, s.Name(), sess)
		}
	})
}

// watch measures a lane and gives it up for a while if it is silent.
func (c *crew) watch(l *lane, now time.Time) {
	if d := now.Sub(l.measured); d >= rateTime {
		if l.outstanding > 0 || l.given > l.counted {
			l.rate = (l.rate + float64(l.given-l.counted)/d.Seconds()) / 2
		}
		l.counted, l.measured = l.given, now
	}
	if l.outstanding == 0 && l.preludes == 0 {
		return
	}
	silent := now.Sub(l.last)
	idle := l.idle
	if l.given == 0 && l.faults == 0 { // a connection may have to be made, over a long way
		idle *= firstPatience
	}
	switch {
	case silent >= idle:
		c.f.stats.Stalls++
		l.faults++
		l.window = max(l.window/4, minWindow)
		l.idle = min(2*l.idle, max(maxIdle, c.f.idle))
		l.until = now.Add(pauseAfter(l.faults))
		c.takeBack(l)
		l.owed = 0
		l.cancel()
		l.ctx, l.cancel = context.WithCancel(c.ctx)
	case len(c.lanes) > 1 && (silent >= stagger || c.f.queue.Len() == 0 && l.delay() > tooSlow):
		c.share(l, func(*want) bool { return true })
	case len(c.lanes) > 1:
		c.share(l, func(w *want) bool { return c.f.arrived-w.after >= uint64(lateFactor*l.window) })
	}
}

// delay is how long a lane will need for what it is asked for.
func (l *lane) delay() time.Duration {
	rate := l.rate
	if l.given == 0 {
		rate = max(rate, knownRate)
	}
	return time.Duration(float64(l.outstanding) / max(rate, 0.1) * float64(time.Second))
}

// share lets others be asked as well for what a lane is asked for.
func (c *crew) share(l *lane, which func(*want) bool) {
	for _, w := range c.f.wants {
		if w.asked[l] != nil && w.queued == nil && w.refs > 0 && len(w.asked) < 3 && which(w) {
			w.queued = c.f.queue.PushFront(w)
		}
	}
}

// takeBack queues again what a lane is asked for, to be asked of somebody else or later.
func (c *crew) takeBack(l *lane) {
	for _, w := range c.f.wants {
		if g := w.asked[l]; g != nil {
			l.answered(w, g)
			c.f.requeue(w)
		}
	}
}

// requeue has a want asked for again, if nobody is asked for it now and somebody still wants it.
func (f *fetcher) requeue(w *want) {
	switch {
	case w.queued != nil || len(w.asked) > 0:
	case w.refs == 0:
		delete(f.wants, w.c)
	default:
		w.queued = f.queue.PushFront(w)
	}
}

// answered notes that a lane is not asked for a want any more.
func (l *lane) answered(w *want, g *group) {
	if w.asked[l] != g {
		return
	}
	delete(w.asked, l)
	if l.outstanding--; l.outstanding == 0 {
		l.owed = time.Since(l.last)
	}
	if g.left--; g.left == 0 {
		g.cancel()
	}
}

// gave notes that a lane brought a good block.
func (l *lane) gave(now time.Time) {
	l.given++
	l.idle = max(l.idle*3/4, l.f.idle)
	if l.outstanding > 0 { // what has taken long may take as long again
		l.idle = max(l.idle, min(2*now.Sub(l.last), maxIdle))
	}
	l.last = now
	l.failed = 0
	l.src.useful, l.src.failed = true, 0
	if l.faults > 0 && l.given%groupSize == 0 {
		l.faults = 0
	}
	if l.faults == 0 && l.given%uint64(l.window) == 0 {
		l.window = min(2*l.window, maxWindow)
	}
}

// lied notes that a lane brought something else than what it was asked for.
func (l *lane) lied(w *want, data []byte) {
	l.lies++
	l.last = time.Now()
	if w.lied == nil {
		w.lied = make(map[string]bool)
	}
	if w.lied[l.name] { // once may have been about another block: which one is meant is not always to be seen
		w.refuse(l.name)
	}
	w.lied[l.name] = true
	w.cause = fmt.Errorf("%s sent %d bytes that are not it", l.name, len(data))
	w.blame(l, fmt.Errorf("sent %d bytes that are not it", len(data)))
	if g := w.asked[l]; g != nil {
		l.answered(w, g)
	}
	if l.f.wants[w.c] == w {
		l.f.requeue(w)
	}
}

// blame notes why a source did not give what it should have had, and which of its members that was.
func (w *want) blame(l *lane, why error) {
	if w.why == nil {
		w.why = make(map[*crewSource]error)
	}
	if _, member := l.src.sess.(Party); member {
		why = fmt.Errorf("%s: %w", l.name, why)
	}
	w.why[l.src] = why
}

func (w *want) refuse(name string) {
	if w.refused == nil {
		w.refused = make(map[string]bool)
	}
	w.refused[name] = true
}

// useless reports whether a lane has sent so much that was wrong that nothing is to be expected of it,
// or that nothing can be asked.
func (l *lane) useless() bool {
	return l.failed >= hopeless || l.lies >= maxLies && uint64(l.lies) > l.given
}

// may reports whether a lane can be asked for a want, now or when it has room.
func (l *lane) may(w *want, now time.Time) bool {
	return !l.gone && !l.useless() && !w.refused[l.name] && w.asked[l] == nil && !now.Before(l.until)
}

// assign asks lanes for what is queued.
func (c *crew) assign(now time.Time) {
	if c.leading(now) {
		return
	}
	groups := make(map[*lane][]*want)
	for e := c.f.queue.Front(); e != nil; {
		w := e.Value.(*want)
		e = e.Next()
		var best, busy *lane // the best with room, and the best without that is worth waiting for
		anywhere := false    // somebody has room for something
		for _, l := range c.lanes {
			room := l.room(len(groups[l]))
			anywhere = anywhere || room
			switch {
			case !l.may(w, now):
			case room && (best == nil || l.betterFor(w, best)):
				best = l
			case !room && l.clean() && l.delay() < spillTime && w.owedBy(l.src) < 2 && (busy == nil || l.better(busy)):
				busy = l
			}
		}
		if !anywhere {
			break
		}
		if best == nil || busy != nil && (busy.src.rank < best.src.rank || !best.clean()) {
			continue
		}
		c.hand(w, best, now)
		if p, ok := best.sess.(Prelude); ok && w.lead != nil {
			c.askPrelude(best, p, w)
			break
		}
		groups[best] = append(groups[best], w)
		if len(groups[best]) == groupSize {
			c.ask(best, groups[best])
			delete(groups, best)
		}
	}
	for l, g := range groups {
		c.ask(l, g)
	}
}

// room reports whether a lane can be asked for one more in a request that asks for some already. A new request is begun where it can be a large one: many
// small ones cost more.
func (l *lane) room(begun int) bool {
	free := l.window - l.outstanding
	return free > 0 && (begun > 0 || free >= min(groupSize, l.window/2))
}

// clean reports whether a lane has a good record.
func (l *lane) clean() bool { return l.lies == 0 && l.faults == 0 }

// better orders lanes that may be asked for the same.
func (l *lane) better(than *lane) bool {
	if l.clean() != than.clean() {
		return l.clean()
	}
	if l.src.rank != than.src.rank {
		return l.src.rank < than.src.rank
	}
	if l.lies+l.faults != than.lies+than.faults {
		return l.lies+l.faults < than.lies+than.faults
	}
	if l.known() != than.known() {
		return l.known()
	}
	return l.delay() < than.delay()
}

// known reports whether something is to be expected of a lane: somebody has named it, or it has given something.
func (l *lane) known() bool { return !l.stranger || l.given > 0 }

// betterFor is better, but where two of a source owe a block already, it is another source's turn.
func (l *lane) betterFor(w *want, than *lane) bool {
	if l.src != than.src && l.clean() == than.clean() {
		if mine, theirs := w.owedBy(l.src) >= 2, w.owedBy(than.src) >= 2; mine != theirs {
			return theirs
		}
	}
	return l.better(than)
}

// owedBy counts those of a source who are asked for a block.
func (w *want) owedBy(s *crewSource) (n int) {
	for l := range w.asked {
		if l.src == s {
			n++
		}
	}
	return n
}

// hand marks a want as asked of a lane; the group follows.
func (c *crew) hand(w *want, l *lane, now time.Time) {
	c.f.queue.Remove(w.queued)
	w.queued = nil
	if w.since.IsZero() {
		w.since, w.after = now, c.f.arrived
	}
	if w.asked == nil {
		w.asked = make(map[*lane]*group)
	}
	w.asked[l] = nil
	if l.outstanding == 0 {
		l.last = now.Add(-l.owed) // or one who never says anything would be asked each time, and waited for until another is
	}
	l.outstanding++
}

// ask sends a group to a lane.
func (c *crew) ask(l *lane, wants []*want) {
	f := c.f
	ctx, cancel := context.WithCancel(l.ctx)
	g := &group{left: len(wants), cancel: cancel}
	for _, w := range wants {
		w.asked[l] = g
	}
	f.wake() // the queue is shorter
	f.wg.Go(func() {
		defer cancel()
		var err error
		if names := f.stillMissing(ctx, wants); len(names) > 0 {
			err = l.sess.Fetch(ctx, names, func(name cid.Cid, data []byte) { f.arrive(l, name, data) })
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		defer f.wake()
		ended := ctx.Err() != nil // taken back, or nobody needs it any more
		for _, w := range wants {
			if w.asked[l] != g {
				continue
			}
			l.answered(w, g)
			if err == nil && !ended {
				w.refuse(l.name)
				c.dirty = true
			}
			if f.wants[w.c] == w {
				f.requeue(w)
			}
		}
		if err == nil && !ended && l.outstanding == 0 { // he has said what he has not
			l.owed = 0
		}
		if err == nil || ended || l.gone {
			return
		}
		c.brokeOff(l, wants, err)
	})
}

// leading reports whether a prelude is under way, which may bring what is queued.
func (c *crew) leading(now time.Time) bool {
	return slices.ContainsFunc(c.lanes, func(l *lane) bool {
		return l.preludes > 0 && now.Sub(l.last) < stagger && now.Sub(l.led) < tooSlow
	})
}

// askPrelude asks a lane for a block and what it leads to. If the lane does not bring the block, it is asked for it as for any other.
func (c *crew) askPrelude(l *lane, p Prelude, w *want) {
	f := c.f
	ctx, cancel := context.WithCancel(l.ctx)
	g := &group{left: 1, cancel: func() {}} // what follows the block is to come, too
	w.asked[l] = g
	lead := w.lead
	w.lead = nil
	l.preludes++
	l.led = time.Now()
	f.wake()
	f.wg.Go(func() {
		defer cancel()
		err := p.FetchPrelude(ctx, lead.manifest, lead.spans, func(name cid.Cid, data []byte) { f.arriveEarly(l, name, data) })
		f.mu.Lock()
		defer f.mu.Unlock()
		defer f.wake()
		l.preludes--
		if w.asked[l] == g {
			l.answered(w, g)
			if f.wants[w.c] == w {
				f.requeue(w)
			}
		}
		if err == nil || ctx.Err() != nil || l.gone {
			return
		}
		c.brokeOff(l, []*want{w}, err)
	})
}

// brokeOff notes that a lane could not go on.
func (c *crew) brokeOff(l *lane, wants []*want, err error) {
	if _, member := l.src.sess.(Party); member { // if he has gone, join finds out
		l.failed++
		l.faults++
		l.until = time.Now().Add(pauseAfter(l.faults))
		for _, w := range wants {
			w.cause = fmt.Errorf("%s: %w", l.name, err)
			w.blame(l, err)
		}
		c.dirty = true
		return
	}
	l.src.fail(c, err)
}

// refusedBy reports whether nothing is to be expected of a source for a want.
func (c *crew) refusedBy(w *want, s *crewSource) bool {
	if s.sess == nil {
		return s.down()
	}
	party, ok := s.sess.(Party)
	if s.joining || ok && !w.sought[s.rank] {
		if !s.joining && !s.seeking && c.refusedByLanes(w, s) {
			c.seek(s, party)
		}
		return false
	}
	return c.refusedByLanes(w, s)
}

func (c *crew) refusedByLanes(w *want, s *crewSource) bool {
	for _, l := range c.lanes {
		if l.src == s && !l.gone && !l.useless() && !w.refused[l.name] {
			return false
		}
	}
	return true
}

// seek has a party look for others who have what its members refuse.
func (c *crew) seek(s *crewSource, party Party) {
	var wants []*want
	var names []cid.Cid
	for _, w := range c.f.wants {
		if !w.sought[s.rank] && c.refusedByLanes(w, s) {
			wants, names = append(wants, w), append(names, w.c)
		}
	}
	s.seeking = true
	c.f.wg.Go(func() {
		party.Seek(c.ctx, names)
		c.f.mu.Lock()
		defer c.f.mu.Unlock()
		s.seeking = false
		for _, w := range wants {
			if w.sought == nil {
				w.sought = make(map[int]bool)
			}
			w.sought[s.rank] = true
		}
		c.dirty = true
		c.f.wake()
	})
}

// settle fails the wants that nobody has, and those that were waited for long enough: when nothing at all came for the timeout, or when
// so many others were served first that this one is not there.
func (c *crew) settle(now time.Time) {
	f := c.f
	for _, w := range f.wants {
		if w.since.IsZero() && !slices.ContainsFunc(c.lanes, func(l *lane) bool { return !l.gone && !l.useless() && !w.refused[l.name] }) {
			w.since, w.after = now, f.arrived // nobody can be asked for it
		}
		if len(w.asked) == 0 && !slices.ContainsFunc(c.sources, func(s *crewSource) bool { return !c.refusedBy(w, s) }) {
			f.missing(w, c.names(), c.reasons(w), c.causeFor(w))
			continue
		}
		if !w.since.IsZero() && now.Sub(w.since) >= f.timeout && (now.Sub(f.last) >= f.timeout || f.arrived-w.after >= 2*maxWindow) {
			f.missing(w, c.names(), c.reasons(w), c.causeFor(w))
		}
	}
}

// reasons says of each source why it did not give a block, as far as that is known.
func (c *crew) reasons(w *want) []string {
	why := make([]string, len(c.sources))
	for i, s := range c.sources {
		refuser, _ := s.sess.(Refuser)
		switch {
		case w.why[s] != nil:
			why[i] = w.why[s].Error()
		case s.sess == nil && s.cause != nil:
			why[i] = s.cause.Error()
		case refuser != nil:
			why[i] = refuser.Refusal()
		}
	}
	return why
}

// causeFor is the best reason there is why a want cannot be had.
func (c *crew) causeFor(w *want) error {
	if w.cause != nil {
		return w.cause
	}
	for _, s := range c.sources {
		if s.cause != nil && s.sess == nil {
			if len(c.sources) > 1 {
				return fmt.Errorf("%s: %w", s.Name(), s.cause)
			}
			return s.cause
		}
	}
	return nil
}

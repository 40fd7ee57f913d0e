package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/ipfs/go-cid"

	"dictnet/codec"
	"dictnet/codec/contexts"
	"dictnet/codec/records"
	"dictnet/dictnet"
	"dictnet/dictnet/car"
	"dictnet/dictnet/manifest"
	"dictnet/dictnet/store"
)

// api answers in JSON. Errors are {"error": "..."} with a status that fits.
type api struct{ o Options }

const (
	maxTemplate  = 64 << 20  // bytes of a template that is sent here
	maxTemplates = 4         // that are worked on at once,
	maxLong      = 4         // and that may be coming in meanwhile, of those that are longer than
	shortBody    = 256 << 10 // bytes
	maxNotes     = 1000      // in one answer
	maxListed    = 1 << 17   // notes that such a template lists: of some 16 GiB
)

// places lets so many in at once.
type places chan struct{}

// enter waits for a place, unless the context ends before there is one.
func (p places) enter(ctx context.Context) bool {
	select {
	case p <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (p places) leave() { <-p }

func (a *api) handler() http.Handler {
	mux := http.NewServeMux()
	work, long := make(places, maxTemplates), make(places, maxLong)
	template := func(do func(r *http.Request, t *dictnet.TemplateFile) (any, error)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			// Only long bodies have to wait for other bodies, however slowly those come.
			var body bytes.Buffer
			src := http.MaxBytesReader(w, r.Body, maxTemplate)
			n, err := io.CopyN(&body, src, shortBody)
			if n == shortBody {
				if !long.enter(r.Context()) {
					return
				}
				defer long.leave()
				_, err = io.Copy(&body, src)
			}
			if err != nil && err != io.EOF {
				answer(w, nil, &badRequest{err})
				return
			}
			if !work.enter(r.Context()) {
				return
			}
			defer work.leave()
			t, err := openTemplate(body.Bytes())
			var result any
			if err == nil {
				result, err = do(r, t)
			}
			answer(w, result, err)
		}
	}
	get := func(do func(r *http.Request) (any, error)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			result, err := do(r)
			answer(w, result, err)
		}
	}
	mux.HandleFunc("GET /api/v1/store", get(a.store))
	mux.HandleFunc("GET /api/v1/node", get(a.node))
	mux.HandleFunc("GET /api/v1/dictionaries/{dict}", get(a.dictionary))
	mux.HandleFunc("GET /api/v1/dictionaries/{dict}/notes", get(a.notes))
	mux.HandleFunc("POST /api/v1/inspect", template(a.inspect))
	mux.HandleFunc("POST /api/v1/plan", template(a.plan))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		refused := &headOnly{w, http.StatusNotFound}
		h.ServeHTTP(refused, r) // says which methods there are
		answer(w, nil, &statusError{refused.code, errors.New(http.StatusText(refused.code))})
	})
}

// headOnly leaves out what the mux writes of its own.
type headOnly struct {
	http.ResponseWriter
	code int
}

func (w *headOnly) WriteHeader(code int)        { w.code = code }
func (w *headOnly) Write(b []byte) (int, error) { return len(b), nil }

// statusError is an error with its status.
type statusError struct {
	code int
	error
}

// badRequest is an error of the one who asks.
type badRequest struct{ error }

func (e *badRequest) Unwrap() error { return e.error }

func answer(w http.ResponseWriter, result any, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	if err != nil {
		code := http.StatusInternalServerError
		var bad *badRequest
		var large *http.MaxBytesError
		var status *statusError
		var unknown *contexts.UnknownError
		switch {
		case errors.As(err, &status):
			code = status.code
		case errors.As(err, &large), errors.Is(err, dictnet.ErrLongList):
			code = http.StatusRequestEntityTooLarge
		case errors.As(err, &bad), errors.As(err, &unknown), errors.Is(err, codec.ErrTemplate), errors.Is(err, contexts.ErrFormat), errors.Is(err, dictnet.ErrContradiction):
			code = http.StatusBadRequest
		case errors.Is(err, store.ErrMissing), errors.Is(err, store.ErrNoDictionary), errors.Is(err, dictnet.ErrUnavailable):
			code = http.StatusNotFound
		}
		w.WriteHeader(code)
		result = map[string]string{"error": err.Error()}
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.Encode(result)
}

// dictionaryInfo is a version of a dictionary.
type dictionaryInfo struct {
	Name     string        `json:"name,omitempty"`
	Manifest string        `json:"manifest"`
	Size     uint64        `json:"size"` // notes
	Root     string        `json:"root"`
	Tape     uint64        `json:"tapeBytes"`
	Earlier  []string      `json:"earlier,omitempty"` // manifests of earlier versions, oldest first
	Anchor   *store.Anchor `json:"anchor,omitempty"`
}

func infoOf(d store.Dictionary) dictionaryInfo {
	info := dictionaryInfo{Name: d.Name, Manifest: d.Current.Manifest.String(), Size: d.Current.Size, Root: d.Current.Root.String(), Tape: d.TapeSize, Anchor: d.Anchor}
	for _, v := range d.Lineage {
		info.Earlier = append(info.Earlier, v.Manifest.String())
	}
	return info
}

func (a *api) store(r *http.Request) (any, error) {
	dicts, err := a.o.Store.Dictionaries()
	if err != nil {
		return nil, err
	}
	pins, err := a.o.Store.Pins(r.Context())
	if err != nil {
		return nil, err
	}
	stats, err := a.o.Store.Stats(r.Context())
	if err != nil {
		return nil, err
	}
	result := struct {
		Dictionaries []dictionaryInfo `json:"dictionaries"`
		Pins         []string         `json:"pins"`
		store.Stats
	}{[]dictionaryInfo{}, []string{}, stats}
	for _, d := range dicts {
		result.Dictionaries = append(result.Dictionaries, infoOf(d))
	}
	for _, p := range pins {
		result.Pins = append(result.Pins, p.CID.String())
	}
	return result, nil
}

func (a *api) node(*http.Request) (any, error) {
	if a.o.Node == nil {
		return nil, store.ErrMissing
	}
	n := a.o.Node()
	if n.Peers == nil {
		n.Peers = []string{}
	}
	return n, nil
}

// open finds a dictionary by its local name or manifest.
func (a *api) open(r *http.Request) (dictionaryInfo, *manifest.Manifest, error) {
	var info dictionaryInfo
	name := r.PathValue("dict")
	c, err := cid.Decode(name)
	if err != nil {
		d, err := a.o.Store.Dictionary(name)
		if err != nil {
			return info, nil, err
		}
		c, info = d.Current.Manifest, infoOf(d)
	}
	m, err := manifest.Open(r.Context(), a.o.Store, c)
	if err != nil {
		if !c.Defined() || c.Prefix().Codec != cid.DagCBOR {
			err = &badRequest{err}
		}
		return info, nil, err
	}
	ref := m.Ref()
	info.Manifest, info.Size, info.Root, info.Tape = ref.Manifest.String(), ref.Size, ref.Root.String(), m.TapeSize()
	return info, m, nil
}

func (a *api) dictionary(r *http.Request) (any, error) {
	info, _, err := a.open(r)
	return info, err
}

// noteInfo is a note of a dictionary.
type noteInfo struct {
	Index  uint64 `json:"index"`
	CID    string `json:"cid"`
	Start  uint64 `json:"start"`  // on the tape
	Length int    `json:"length"` // raw bytes
	Here   bool   `json:"here"`
}

func (a *api) notes(r *http.Request) (any, error) {
	from, err := number(r, "from", 0)
	if err != nil {
		return nil, err
	}
	count, err := number(r, "count", 100)
	if err != nil {
		return nil, err
	}
	_, m, err := a.open(r)
	if err != nil {
		return nil, err
	}
	notes := []noteInfo{}
	count = min(count, maxNotes)
	if from >= m.Ref().Size || count == 0 {
		return map[string]any{"notes": notes}, nil
	}
	for n, err := range m.Notes(r.Context(), from) {
		if err != nil {
			return nil, err
		}
		here, err := a.o.Store.Has(r.Context(), n.CID)
		if err != nil {
			return nil, err
		}
		notes = append(notes, noteInfo{n.Index, n.CID.String(), n.Start, n.RawLen, here})
		if uint64(len(notes)) >= count {
			break
		}
	}
	return map[string]any{"notes": notes}, nil
}

func number(r *http.Request, name string, otherwise uint64) (uint64, error) {
	text := r.FormValue(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		return 0, &badRequest{errors.New(name + " is no number")}
	}
	return n, nil
}

// openTemplate opens a template that was sent, or what holds records.
func openTemplate(body []byte) (*dictnet.TemplateFile, error) {
	if car.Begins(bytes.NewReader(body)) {
		return nil, &badRequest{errors.New("this is a CAR file, which holds a dictionary and no template: dictnet inspect FILE.car shows what it carries, and /api/v1/dictionaries/NAME tells of one that is in the store")}
	}
	return dictnet.OpenTemplate(bytes.NewReader(body), int64(len(body)), maxListed)
}

// inspect says what a template is made of, or records.
func (a *api) inspect(r *http.Request, t *dictnet.TemplateFile) (any, error) {
	if t.HoldsRecords() {
		return records.Inspect(io.NewSectionReader(t, 0, t.Size))
	}
	client := dictnet.NewClient(dictnet.Options{Store: a.o.Store})
	defer client.Close()
	return t.Inspect(r.Context(), func(ctx context.Context, name codec.DictionaryName) (*dictnet.Tape, error) {
		tape, err := client.OpenNamed(ctx, name)
		if err != nil {
			return nil, nil // it is told what can be told without
		}
		return tape, nil
	})
}

// plan says which notes a template needs, and which of them are here.
func (a *api) plan(r *http.Request, t *dictnet.TemplateFile) (any, error) {
	under := r.URL.Query().Get("context")
	switch {
	case t.HoldsRecords():
		return nil, &badRequest{errors.New("these are records, and what decoding them takes is the end of the dictionary that they were encoded with, whatever is in them: " +
			"/api/v1/inspect tells how its root begins, and /api/v1/dictionaries/NAME/notes which notes of it are here")}
	case under != "" && t.Head.Meanings == nil:
		return nil, &badRequest{errors.New("the template was not made by encode --context: leave context=" + under + " out")}
	}
	client := dictnet.NewClient(dictnet.Options{Store: a.o.Store})
	defer client.Close()
	return t.Plan(r.Context(), under, func(ctx context.Context, name codec.DictionaryName) (codec.Tape, error) {
		tape, err := client.OpenNamed(ctx, name)
		if errors.Is(err, dictnet.ErrUnavailable) && t.Head.Portable != nil {
			return client.OpenPortable(t.Head.Portable), nil // nothing is believed that is played
		}
		if err != nil {
			return nil, err
		}
		return tape, nil
	})
}

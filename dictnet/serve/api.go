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
	"dictnet/dictnet"
	"dictnet/dictnet/manifest"
	"dictnet/dictnet/store"
)

// api answers in JSON. Errors are {"error": "..."} with a status that fits.
type api struct{ o Options }

const (
	maxTemplate  = 64 << 20 // bytes of a template that is sent here
	maxTemplates = 4        // that are held at once
	maxNotes     = 1000     // in one answer
)

func (a *api) handler() http.Handler {
	mux := http.NewServeMux()
	slots := make(chan struct{}, maxTemplates)
	template := func(do func(ctx context.Context, src io.ReaderAt, size int64) (any, error)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			select {
			case slots <- struct{}{}:
				defer func() { <-slots }()
			case <-r.Context().Done():
				return
			}
			body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxTemplate))
			if err != nil {
				answer(w, nil, &badRequest{err})
				return
			}
			result, err := do(r.Context(), bytes.NewReader(body), int64(len(body)))
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
	mux.HandleFunc("POST /api/v1/inspect", template(func(ctx context.Context, src io.ReaderAt, size int64) (any, error) {
		return codec.Inspect(ctx, src, size)
	}))
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
		switch {
		case errors.As(err, &status):
			code = status.code
		case errors.As(err, &large):
			code = http.StatusRequestEntityTooLarge
		case errors.As(err, &bad), errors.Is(err, codec.ErrTemplate):
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

// plan says which notes a template needs, and which of them are here.
func (a *api) plan(ctx context.Context, src io.ReaderAt, size int64) (any, error) {
	client := dictnet.NewClient(dictnet.Options{Store: a.o.Store})
	defer client.Close()
	var tape *dictnet.Tape
	r, err := codec.NewReaderAt(ctx, src, size, func(ctx context.Context, name codec.DictionaryName) (codec.Tape, error) {
		var err error
		tape, err = client.OpenNamed(ctx, name)
		return tape, err
	})
	if err != nil {
		return nil, err
	}
	if tape == nil {
		return &dictnet.Plan{Missing: []dictnet.PlannedNote{}, Silent: []string{}}, nil
	}
	var spans []codec.Span
	for s, err := range r.Wanted() {
		if err != nil {
			return nil, err
		}
		spans = append(spans, s)
	}
	return client.Plan(ctx, tape, spans)
}

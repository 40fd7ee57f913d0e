package serve

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"

	"github.com/ipfs/boxo/blockstore"
	"github.com/ipfs/go-cid"
	carv2 "github.com/ipld/go-car/v2"
	"github.com/ipld/go-car/v2/storage"

	"dictnet/dictnet"
)

// preludes answers requests for a manifest as a CAR that say which spans of the tape will be played (spans=POSITION:LENGTH,...) with what leads to them
// and the first of the notes, in playing order. Other gateways do not look at the parameter.
func preludes(blocks blockstore.Blockstore, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		name, err := cid.Decode(strings.TrimPrefix(r.URL.Path, "/ipfs/"))
		if r.Method != http.MethodGet || !q.Has("spans") || q.Get("format") != "car" || err != nil {
			next.ServeHTTP(w, r)
			return
		}
		spans, err := dictnet.ParseSpans(q.Get("spans"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/vnd.ipld.car; version=1; order=unk; dups=n")
		w.Header().Set("Content-Disposition", `attachment; filename="`+name.String()+`.car"`)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "public, max-age=300") // what is not here is left out, and may be here later
		buffered := bufio.NewWriterSize(w, 256<<10)
		out, err := storage.NewWritable(onlyWriter{buffered}, []cid.Cid{name}, carv2.WriteAsCarV1(true))
		if err != nil {
			http.Error(w, "cannot write a CAR", http.StatusInternalServerError)
			return
		}
		// What is not here, or is no manifest, the client will see when he asks for it.
		dictnet.Play(r.Context(), getter{blocks}, name, spans, func(c cid.Cid, data []byte) error {
			return out.Put(r.Context(), c.KeyString(), data)
		})
		if out.Finalize() == nil {
			buffered.Flush()
		}
	})
}

// getter is a store as manifests are read from it.
type getter struct{ blockstore.Blockstore }

func (g getter) Get(ctx context.Context, c cid.Cid) ([]byte, error) {
	b, err := g.Blockstore.Get(ctx, c)
	if err != nil {
		return nil, err
	}
	return b.RawData(), nil
}

// onlyWriter hides all else that a writer can do.
type onlyWriter struct{ io.Writer }

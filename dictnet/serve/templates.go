package serve

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path"
	"strings"
)

// templates serves the files of a folder, with ranges and validators, and neither lists it nor leaves it: names that begin with
// a dot are not there, and links that lead out are not followed.
func templates(dir string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(path.Clean("/"+r.URL.Path), "/")
		if !fs.ValidPath(name) || strings.HasPrefix(name, ".") || strings.Contains(name, "/.") || strings.ContainsAny(name, "\\\x00") {
			http.NotFound(w, r)
			return
		}
		root, err := os.OpenRoot(dir)
		if err != nil {
			http.Error(w, "the templates cannot be read", http.StatusInternalServerError)
			return
		}
		defer root.Close()
		info, err := root.Stat(name) // before it is opened: a pipe would keep one waiting
		if err != nil || !info.Mode().IsRegular() {
			notThere(w, r, err)
			return
		}
		f, err := root.Open(name)
		if err != nil {
			notThere(w, r, err)
			return
		}
		defer f.Close()
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("ETag", fmt.Sprintf(`"%x-%x"`, info.ModTime().UnixNano(), info.Size())) // so that ranges are of one file
		http.ServeContent(w, r, "", info.ModTime(), f)
	})
}

func notThere(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, fs.ErrPermission) {
		http.Error(w, "not permitted", http.StatusForbidden)
		return
	}
	http.NotFound(w, r)
}

package tree

import (
	"context"
	"fmt"
	"strings"
)

// Limits of following a link.
const (
	maxHops  = 64   // links on one path; no system follows more (Linux 40, macOS 32, Windows 63)
	maxSteps = 1024 // names; a link that takes more is refused, so that a stranger's links are soon looked at
)

// CheckLinks returns an error that wraps ErrEscape if a link of the tree is absolute, or leads out of the tree, be it through
// other links. A link to nothing is none. Millions of links, each by way of others, take minutes.
func (t *Tree) CheckLinks(ctx context.Context) error {
	for i := range t.entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		if e := &t.entries[i]; e.Kind == Link && t.escapes(i) {
			return fmt.Errorf("link %q to %q: %w", t.Path(i), e.Target, ErrEscape)
		}
	}
	return nil
}

// escapes follows link i as a system would.
func (t *Tree) escapes(i int) bool {
	at := t.parents[i]
	beyond := 0 // directories below at that are not in the tree
	hops, steps := 0, 0
	rest := []string{t.entries[i].Target} // paths to go, the next last
	for len(rest) > 0 {
		path := rest[len(rest)-1]
		rest = rest[:len(rest)-1]
		if strings.HasPrefix(path, "/") {
			return true
		}
		for path != "" {
			var name string
			name, path, _ = strings.Cut(path, "/")
			if steps++; steps > maxSteps {
				return true
			}
			switch {
			case name == "" || name == ".":
			case name == ".." && beyond > 0:
				beyond--
			case name == ".." && at == Top:
				return true
			case name == "..":
				at = t.parents[at]
			case beyond > 0:
				beyond++
			default:
				child, ok := t.Child(at, name)
				switch {
				case ok && t.entries[child].Kind == Dir:
					at = child
				case ok && t.entries[child].Kind == Link:
					if hops++; hops > maxHops {
						return false // nobody follows so far
					}
					rest = append(rest, strings.TrimLeft(path, "/"))
					path = ""
					rest = append(rest, t.entries[child].Target)
				default:
					beyond++
				}
			}
		}
	}
	return false
}

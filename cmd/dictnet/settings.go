package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/knadh/koanf/parsers/toml/v2"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"
	"github.com/pelletier/go-toml/v2/unstable"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// applySettings fills the flags of c that were not typed. A flag NAME of the verb VERB may be set, first to last, by the environment variable
// DICTNET_NAME (dashes as underscores), by the key NAME in the table [VERB] of the file, or by the key NAME. A key that sets nothing is an error.
func (a *app) applySettings(c *cobra.Command) error {
	environ := koanf.New(".")
	if err := environ.Load(env.Provider(".", env.Opt{Prefix: environPrefix, TransformFunc: func(k, v string) (string, any) {
		return settingName(k), v
	}}), nil); err != nil {
		return fmt.Errorf("read environment: %w", err)
	}
	for _, name := range []string{"home", "config"} {
		if f := c.Flags().Lookup(name); f != nil && !f.Changed && environ.Exists(name) {
			if err := f.Value.Set(environ.String(name)); err != nil {
				return usageErrorf("", "%s: %w", environName(name), err)
			}
		}
	}
	settings := koanf.New(".")
	path := a.config
	if path == "" {
		home, err := a.homeDir()
		if err != nil {
			return err
		}
		path = filepath.Join(home, "config.toml")
	}
	if err := settings.Load(file.Provider(path), toml.Parser()); err != nil {
		if a.config != "" || !isAny(err, fs.ErrNotExist, syscall.ENOTDIR) {
			return usageErrorf("it is a TOML file with a key for each flag", "read settings %s: %w", path, err)
		}
	}
	var known settingNames
	for i, key := range settings.Keys() {
		if i == 0 {
			known = settingsOf(c.Root()) // which takes long, and most who start have no settings
		}
		if !known.has(key, settings.Get(key)) {
			return usageErrorf(hintOfNearest(known.keys, key, "keys are the flags that --help lists, in a table [VERB] if they are for one verb"), "settings %s: there is no setting %s", placeOf(path, key), key)
		}
	}
	verb := strings.ReplaceAll(strings.TrimPrefix(c.CommandPath(), "dictnet "), " ", ".")
	var err error
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Changed || err != nil {
			return
		}
		for _, s := range []struct {
			from *koanf.Koanf
			key  string
		}{{environ, f.Name}, {settings, verb + "." + f.Name}, {settings, f.Name}} {
			if !s.from.Exists(s.key) {
				continue
			}
			if e := fill(c.Flags(), f, s.from, s.key); e != nil {
				where := environName(f.Name)
				if s.from == settings {
					where = "settings " + placeOf(path, s.key)
				}
				err = usageErrorf("", "%s: %w", where, e)
			}
			return
		}
	})
	return err
}

// fill sets a flag to what a setting says: to a value, or to those of a list, as if each had been typed.
func fill(flags *pflag.FlagSet, f *pflag.Flag, from *koanf.Koanf, key string) error {
	values := []string{from.String(key)}
	if _, list := from.Get(key).([]any); list {
		several, ok := f.Value.(pflag.SliceValue)
		if !ok {
			return fmt.Errorf("a list, and --%s takes one value", f.Name)
		}
		if values = from.Strings(key); len(values) == 0 {
			return several.Replace(nil)
		}
	}
	for _, v := range values {
		if err := flags.Set(f.Name, v); err != nil {
			return err
		}
	}
	return flags.SetAnnotation(f.Name, bySetting, nil)
}

// bySetting marks flags that were not typed.
const bySetting = "by a setting"

// setFlag returns the first of some flags that is not as it is by default, or "".
func setFlag(c *cobra.Command, names ...string) string {
	i := slices.IndexFunc(names, func(name string) bool {
		f := c.Flags().Lookup(name)
		return f.Value.String() != f.DefValue
	})
	if i < 0 {
		return ""
	}
	return names[i]
}

// typedFlag does so for those that were typed: a setting may be meant for other calls of the verb.
func typedFlag(c *cobra.Command, names ...string) string {
	return setFlag(c, slices.DeleteFunc(names, func(name string) bool {
		_, set := c.Flags().Lookup(name).Annotations[bySetting]
		return set
	})...)
}

const environPrefix = "DICTNET_"

func environName(flag string) string {
	return environPrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

func settingName(environ string) string {
	return strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(environ, environPrefix)), "_", "-")
}

// The verbs that the front program leaves to the whole one, and the flags that only these have: their settings are good there, too.
var (
	othersVerbs = []string{"chain", "node", "publish"}
	othersFlags = []string{"account", "car", "dev-key", "dir", "fixed", "http", "ipns", "key", "listen", "max-cost", "no-chain", "password-file", "pinning-token-file",
		"reason", "registry", "remove", "serve", "sign-only", "signer", "templates", "valid", "via", "yes"}
)

// settingNames are the keys that a file of settings may have, and the verbs, which are its tables.
type settingNames struct{ keys, verbs []string }

func settingsOf(root *cobra.Command) settingNames {
	var n settingNames
	flags := slices.Clone(othersFlags)
	var visit func(c *cobra.Command, verb string)
	visit = func(c *cobra.Command, verb string) {
		add := func(f *pflag.Flag) {
			switch f.Name {
			case "help", "version", "config": // are dealt with before settings are read
				return
			}
			flags = append(flags, f.Name)
			if verb != "" {
				n.keys = append(n.keys, verb+"."+f.Name)
			}
		}
		c.Flags().VisitAll(add)
		root.PersistentFlags().VisitAll(add)
		for _, sub := range c.Commands() {
			name := strings.TrimPrefix(verb+"."+sub.Name(), ".")
			n.verbs = append(n.verbs, name)
			visit(sub, name)
		}
	}
	visit(root, "")
	slices.Sort(flags)
	n.keys = append(slices.Compact(flags), n.keys...)
	return n
}

// has reports whether a key sets something.
func (n settingNames) has(key string, value any) bool {
	if slices.Contains(n.keys, key) {
		return true
	}
	verb, _, _ := strings.Cut(key, ".")
	if slices.Contains(othersVerbs, verb) && !slices.Contains(n.verbs, verb) {
		return true // the whole program knows
	}
	_, table := value.(map[string]any)
	return table && slices.Contains(n.verbs, key) // it is empty
}

// warnOfEnviron tells which variables of the environment look like settings and are none. They are no error: whoever starts this program, a container's
// scheduler say, may set variables of its own that begin like that.
func (a *app) warnOfEnviron(c *cobra.Command) {
	var known []string
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		if !strings.HasPrefix(name, environPrefix) {
			continue
		}
		if known == nil {
			known = []string{"config"}
			for _, key := range settingsOf(c.Root()).keys {
				if !strings.Contains(key, ".") {
					known = append(known, key)
				}
			}
		}
		key := settingName(name)
		if slices.Contains(known, key) || key == "password" || strings.HasPrefix(key, "test-") || strings.HasPrefix(key, "bench-") {
			continue
		}
		if near := nearest(known, key); near != "" {
			a.log.Warn("a variable of the environment sets nothing", "name", name, "nearest", environName(near))
		} else {
			a.log.Warn("a variable of the environment sets nothing", "name", name)
		}
	}
}

// placeOf returns the path of a file of settings, and the line on which a key stands.
func placeOf(path, key string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return path
	}
	var p unstable.Parser
	p.Reset(text)
	table := ""
	for p.NextExpression() {
		e := p.Expression()
		if e.Kind == unstable.Comment {
			continue
		}
		var parts []string
		line := 0
		for k := e.Key(); k.Next(); {
			parts = append(parts, string(k.Node().Data))
			line = p.Shape(k.Node().Raw).Start.Line
		}
		name := strings.Join(parts, ".")
		if e.Kind == unstable.KeyValue {
			name = strings.TrimPrefix(table+"."+name, ".")
		} else {
			table = name
		}
		if name == key || e.Kind == unstable.KeyValue && strings.HasPrefix(key, name+".") {
			return fmt.Sprintf("%s:%d", path, line)
		}
	}
	return path
}

func hintOfNearest(names []string, name, otherwise string) string {
	if near := nearest(names, name); near != "" {
		return "is it " + near + "?"
	}
	return otherwise
}

// nearest returns the name that takes the fewest edits to become what was typed, or "" if all take many.
func nearest(names []string, typed string) string {
	best, least := "", max(2, len(typed)/4)+1
	for _, name := range names {
		if n := edits(name, typed); n < least {
			best, least = name, n
		}
	}
	return best
}

// edits returns how many bytes have to be put in, left out or replaced to make b of a.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			n := diagonal
			if a[i] != b[j] {
				n = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], n
		}
	}
	return row[len(b)]
}

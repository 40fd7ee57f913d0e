package main

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/knadh/koanf/parsers/toml/v2"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// applySettings fills the flags of c that were not typed. A flag NAME of the verb VERB may be set, first to last, by the environment variable
// DICTNET_NAME (dashes as underscores), by the key NAME in the table [VERB] of the file, or by the key NAME.
func (a *app) applySettings(c *cobra.Command) error {
	environ := koanf.New(".")
	if err := environ.Load(env.Provider(".", env.Opt{Prefix: "DICTNET_", TransformFunc: func(k, v string) (string, any) {
		return strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(k, "DICTNET_")), "_", "-"), v
	}}), nil); err != nil {
		return fmt.Errorf("read environment: %w", err)
	}
	for _, name := range []string{"home", "config"} {
		if f := c.Flags().Lookup(name); f != nil && !f.Changed && environ.Exists(name) {
			if err := f.Value.Set(environ.String(name)); err != nil {
				return usageErrorf("", "DICTNET_%s: %w", strings.ToUpper(name), err)
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
			value := s.from.String(s.key)
			if list := s.from.Strings(s.key); len(list) > 0 {
				value = strings.Join(list, ",")
			}
			if e := c.Flags().Set(f.Name, value); e != nil {
				err = usageErrorf("", "setting %s: %w", s.key, e)
			}
			return
		}
	})
	return err
}

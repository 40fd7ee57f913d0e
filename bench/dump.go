package main

import (
	"archive/tar"
	"bufio"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	_ "modernc.org/sqlite"
)

// The database that dumps are made of: what browsers support which feature, one row for each statement of the
// package @mdn/browser-compat-data. It is made from nothing for each release, so that a feature that is new moves the numbers of all behind it.
const schema = `CREATE TABLE feature (id INTEGER PRIMARY KEY, path TEXT NOT NULL, description TEXT, mdn_url TEXT, spec_url TEXT, experimental INTEGER, standard_track INTEGER, deprecated INTEGER);
CREATE TABLE support (feature INTEGER NOT NULL, browser TEXT NOT NULL, version_added TEXT, version_removed TEXT, partial INTEGER, prefix TEXT, flags TEXT, notes TEXT);
CREATE INDEX support_feature ON support (feature);
CREATE INDEX support_browser ON support (browser, version_added);
`

// statement is one INSERT: a table and its values, each a string, an int or nil.
type statement struct {
	table  string
	values []any
}

// compatRows calls f for each row of the database of the input TAR, in the lexical order of the features' paths.
func (c *cache) compatRows(name string, f func(statement) error) error {
	var root map[string]any
	err := c.eachMember(name, func(h *tar.Header, r io.Reader) error {
		if h.Name != "package/data.json" {
			return nil
		}
		return json.NewDecoder(r).Decode(&root)
	})
	if err != nil {
		return err
	}
	if root == nil {
		return fmt.Errorf("%s has no package/data.json", name)
	}
	id := 0
	var walk func(path string, node map[string]any) error
	walk = func(path string, node map[string]any) error {
		if compat, ok := node["__compat"].(map[string]any); ok {
			id++
			status, _ := compat["status"].(map[string]any)
			if err := f(statement{"feature", []any{id, path, text(compat["description"]), text(compat["mdn_url"]), text(compat["spec_url"]),
				bit(status["experimental"]), bit(status["standard_track"]), bit(status["deprecated"])}}); err != nil {
				return err
			}
			support, _ := compat["support"].(map[string]any)
			for _, browser := range sortedKeys(support) {
				list, ok := support[browser].([]any)
				if !ok {
					list = []any{support[browser]}
				}
				for _, one := range list {
					s, _ := one.(map[string]any)
					if err := f(statement{"support", []any{id, browser, text(s["version_added"]), text(s["version_removed"]), bit(s["partial_implementation"]),
						text(s["prefix"]), text(s["flags"]), text(s["notes"])}}); err != nil {
						return err
					}
				}
			}
		}
		for _, key := range sortedKeys(node) {
			child, ok := node[key].(map[string]any)
			if !ok || key == "__compat" || path == "" && (key == "__meta" || key == "browsers") {
				continue
			}
			if err := walk(strings.TrimPrefix(path+"."+key, "."), child); err != nil {
				return err
			}
		}
		return nil
	}
	return walk("", root)
}

// text is a column's value: nil, a string, or other JSON as it is.
func text(v any) any {
	switch v := v.(type) {
	case nil:
		return nil
	case string:
		return v
	}
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // it came from JSON
	}
	return string(b)
}

func bit(v any) any {
	if b, ok := v.(bool); ok && b {
		return 1
	}
	return 0
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// dumpSQL writes the database of the input TAR as text, as .dump of the sqlite3 shell does.
func dumpSQL(c *cache, out string, args []string) error {
	return writeFile(out, func(w io.Writer) error {
		b := bufio.NewWriter(w)
		b.WriteString("BEGIN TRANSACTION;\n" + schema)
		err := c.compatRows(args[0], func(s statement) error {
			b.WriteString("INSERT INTO " + s.table + " VALUES(")
			for i, v := range s.values {
				if i > 0 {
					b.WriteByte(',')
				}
				switch v := v.(type) {
				case nil:
					b.WriteString("NULL")
				case string:
					b.WriteString("'" + strings.ReplaceAll(v, "'", "''") + "'")
				default:
					fmt.Fprint(b, v)
				}
			}
			_, err := b.WriteString(");\n")
			return err
		})
		b.WriteString("COMMIT;\n")
		return errors.Join(err, b.Flush())
	})
}

// dumpSQLite writes the same database as an SQLite file.
func dumpSQLite(c *cache, out string, args []string) (err error) {
	os.Remove(out)
	db, err := sql.Open("sqlite", out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	if _, err := db.Exec("PRAGMA journal_mode=MEMORY; PRAGMA synchronous=OFF;" + schema); err != nil {
		return err
	}
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	insert := map[string]*sql.Stmt{}
	err = c.compatRows(args[0], func(s statement) error {
		p := insert[s.table]
		if p == nil {
			if p, err = tx.Prepare("INSERT INTO " + s.table + " VALUES(?" + strings.Repeat(",?", len(s.values)-1) + ")"); err != nil {
				return err
			}
			insert[s.table] = p
		}
		_, err := p.Exec(s.values...)
		return err
	})
	if err != nil {
		return err
	}
	return tx.Commit()
}

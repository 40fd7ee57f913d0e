package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Every field that a verb writes with --json stands in docs/json.md, and is named in one style.
func TestJSONIsDocumented(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "json.md"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	t.Setenv("DICTNET_HOME", filepath.Join(dir, "home"))
	dictnet, must := commands(t)
	dev, registry := devRegistry(t, must)
	t.Setenv("DICTNET_RPC", dev.URL())
	t.Setenv("DICTNET_REGISTRY", registry)
	t.Setenv("DICTNET_DEV_KEY", "true")
	const other = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
	t.Chdir(dir)
	write := func(name string, text []byte) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, text, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	old := bytes.Repeat([]byte("what the release before has, line after line\n"), 2000)
	write("old", old)
	write("new", append(old, "what is new, \xff"...))
	write("tree/a/file", old)
	write("en", []byte("file not found\npermission denied\n"))
	write("fr", []byte("fichier introuvable\npermission non accordée\n"))
	write("map", []byte("b 0:100\n"))
	var log []byte
	for i := range 200 {
		log = append(log, `{"level": "info", "what": "a record of a log", "number": `...)
		log = append(log, strings.Repeat("7", i%9+1)+"}\n"...)
	}
	write("log", log)
	if err := os.Symlink("a", filepath.Join("tree", "link")); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"build --context X old -o d",
		"build --parallel --context en=en --context fr=fr -o codes",
		"build --select repeated --lines log -o logs",
		"build old -o d.car",
		"build en -o another --home other",
		"encode new -d d -o new.dn",
		"encode new -d d --contexts X --portable --proof -o listed.dn",
		"encode tree -o tree.dn",
		"encode --variant a=old --variant b=new --contexts-map map -o variants.dn",
		"encode en -d codes --context en -o codes.dn",
		"encode --records line log -d logs -o log.dnr",
		"decode new.dn -o out --seed new",
		"decode new.dn -o out --seed old",
		"decode log.dnr -o out",
		"inspect new.dn", "inspect listed.dn", "inspect variants.dn", "inspect codes.dn", "inspect log.dnr", "inspect new.dn --notes", "inspect d", "inspect d.car",
		"plan new.dn", "plan listed.dn --as-listed --home other --offline",
		"verify new.dn", "verify d",
		"stat new.dn variants.dn",
		"grep what new.dn", "grep -c what new.dn", "grep -l what new.dn",
		"diff new.dn tree.dn --common",
		"promote new.dn -d d",
		"ls", "ls tree.dn",
		"pin ls", "pin rm d", "pin add d",
		"publish d", "publish logs",
		"build log -o d", "publish d --sign-only signed", "chain submit d signed",
		"chain show d", "chain deprecate d 1 --reason old", "chain publisher d " + other, "chain rename d name", "chain transfer d " + other, "chain show d", "chain freeze d --yes",
		"chain accept d", // it is so already
		"forget d logs",
		"gc", "fsck",
	} {
		code, stdout, stderr := dictnet(append(strings.Fields(line), "--json")...)
		if stdout == "" {
			t.Errorf("dictnet %s: exit code %d: %s", line, code, stderr)
		}
		results := json.NewDecoder(strings.NewReader(stdout))
		for {
			var result any
			if err := results.Decode(&result); err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("dictnet %s: %v: %s", line, err, stdout)
			}
			eachKey(result, func(key string) {
				if !bytes.Contains(page, []byte("`"+key+"`")) {
					t.Errorf("dictnet %s writes %s, of which docs/json.md says nothing", line, key)
				}
				if strings.Contains(key, "_") {
					t.Errorf("dictnet %s writes %s, where other names are like bytesFetched", line, key)
				}
			})
		}
	}
}

// eachKey calls do for the names of all fields of a JSON value.
func eachKey(value any, do func(string)) {
	switch v := value.(type) {
	case []any:
		for _, one := range v {
			eachKey(one, do)
		}
	case map[string]any:
		for key, one := range v {
			do(key)
			eachKey(one, do)
		}
	}
}

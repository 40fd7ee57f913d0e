package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/ipfs/go-cid"

	"dictnet/codec"
	"dictnet/internal/durable"
	"dictnet/merkle"
)

// Dictionary is a dictionary that has a name here.
type Dictionary struct {
	Name     string
	Current  codec.DictionaryRef
	TapeSize uint64                // raw bytes of the current version
	Lineage  []codec.DictionaryRef // earlier versions, oldest first; they are kept
	Anchor   *Anchor               // where its versions are remembered; nil if nowhere
}

// Anchor says which dictionary of which registry this is, in the words of whoever set it.
type Anchor struct {
	Chain      string `json:"chain"`
	Registry   string `json:"registry"`
	Dictionary string `json:"dictionary"`
}

// versionFile and dictionaryFile are names/NAME.json.
type versionFile struct {
	Manifest string      `json:"manifest"`
	Size     uint64      `json:"size"`
	Root     merkle.Hash `json:"root"`
}

type dictionaryFile struct {
	versionFile
	TapeSize uint64        `json:"length"`
	Lineage  []versionFile `json:"lineage,omitempty"`
	Anchor   *Anchor       `json:"anchor,omitempty"`
}

func toFile(r codec.DictionaryRef) versionFile {
	return versionFile{r.Manifest.String(), r.Size, r.Root}
}

func (v versionFile) ref() (codec.DictionaryRef, error) {
	c, err := cid.Decode(v.Manifest)
	if err != nil {
		return codec.DictionaryRef{}, fmt.Errorf("manifest %q: %w", v.Manifest, err)
	}
	return codec.DictionaryRef{Manifest: c, Version: merkle.Version{Size: v.Size, Root: v.Root}}, nil
}

var validName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$`)

// CheckName reports whether a dictionary may have this name: 1 to 100 letters, digits, dots, dashes and
// underscores, and not to be confused with a CID or the name of a CAR file.
func CheckName(name string) error {
	if !validName.MatchString(name) {
		return fmt.Errorf("dictionary name %q: want 1 to 100 of A-Z a-z 0-9 . _ -, and no dot or dash first", name)
	}
	if strings.HasSuffix(strings.ToLower(name), ".car") {
		return fmt.Errorf("dictionary name %q looks like a file", name)
	}
	if _, err := cid.Decode(name); err == nil {
		return fmt.Errorf("dictionary name %q is a CID", name)
	}
	return nil
}

func (s *Store) nameFile(name string) string { return filepath.Join(s.dir, "names", name+".json") }

// DamagedName is a name whose file does not say what it should.
type DamagedName struct {
	Name string
	Path string
	Err  error
}

// DamagedNamesError says which names are damaged. It wraps ErrStorage.
type DamagedNamesError []DamagedName

func (e *DamagedNamesError) Error() string {
	var files []string
	for _, d := range *e {
		files = append(files, fmt.Sprintf("%s: %v", d.Path, d.Err))
	}
	return fmt.Sprintf("%v: damaged: %s", ErrStorage, strings.Join(files, "; "))
}

func (e *DamagedNamesError) Unwrap() error { return ErrStorage }

// Dictionary returns the dictionary of a name. The error wraps ErrNoDictionary or ErrStorage.
func (s *Store) Dictionary(name string) (Dictionary, error) {
	if err := CheckName(name); err != nil {
		return Dictionary{}, fmt.Errorf("%w: %w", ErrNoDictionary, err)
	}
	data, err := os.ReadFile(s.nameFile(name))
	if notExist(err) {
		return Dictionary{}, fmt.Errorf("%w: %q in %s", ErrNoDictionary, name, s.dir)
	}
	if err != nil {
		return Dictionary{}, storageError("read dictionary "+name, err)
	}
	d, err := decodeDictionary(name, data)
	if err != nil {
		return Dictionary{}, &DamagedNamesError{{name, s.nameFile(name), err}}
	}
	return d, nil
}

func decodeDictionary(name string, data []byte) (Dictionary, error) {
	var f dictionaryFile
	if err := json.Unmarshal(data, &f); err != nil {
		return Dictionary{}, err
	}
	d := Dictionary{Name: name, TapeSize: f.TapeSize, Anchor: f.Anchor}
	var err error
	if d.Current, err = f.ref(); err != nil {
		return Dictionary{}, err
	}
	for _, v := range f.Lineage {
		ref, err := v.ref()
		if err != nil {
			return Dictionary{}, err
		}
		d.Lineage = append(d.Lineage, ref)
	}
	return d, nil
}

// Dictionaries returns all named dictionaries in the order of their names. If some are damaged, it returns the others with a *DamagedNamesError.
func (s *Store) Dictionaries() ([]Dictionary, error) {
	entries, err := os.ReadDir(filepath.Join(s.dir, "names"))
	if err != nil && !notExist(err) {
		return nil, storageError("list dictionaries", err)
	}
	var ds []Dictionary
	var damaged DamagedNamesError
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), ".json")
		if !ok || CheckName(name) != nil {
			continue
		}
		d, err := s.Dictionary(name)
		var one *DamagedNamesError
		if errors.As(err, &one) {
			damaged = append(damaged, *one...)
			continue
		}
		if err != nil {
			return nil, err
		}
		ds = append(ds, d)
	}
	if len(damaged) > 0 {
		return ds, &damaged
	}
	return ds, nil
}

// SetDictionary gives d.Name to d, at once and for good: everything put so far is synced first.
func (s *Store) SetDictionary(ctx context.Context, d Dictionary) error {
	if s.ReadOnly() {
		return fmt.Errorf("name dictionary %s: %w", d.Name, ErrReadOnly)
	}
	if err := CheckName(d.Name); err != nil {
		return err
	}
	f := dictionaryFile{versionFile: toFile(d.Current), TapeSize: d.TapeSize, Anchor: d.Anchor}
	for _, v := range d.Lineage {
		f.Lineage = append(f.Lineage, toFile(v))
	}
	data, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return err
	}
	s.keeping.Lock()
	defer s.keeping.Unlock()
	s.naming.Lock()
	defer s.naming.Unlock()
	if s.cache != nil { // else nothing was removed since it was put
		if err := s.there(ctx, d.Current.Manifest); err != nil {
			return fmt.Errorf("name dictionary %s: %w", d.Name, err)
		}
	}
	if err := s.unkept(); err != nil {
		return storageError("name dictionary "+d.Name, err)
	}
	if err := s.Sync(ctx); err != nil {
		return err
	}
	return storageError("name dictionary "+d.Name, durable.Write(s.nameFile(d.Name), append(data, '\n'), 0o644))
}

// RemoveDictionary forgets a name. The blocks stay until Collect.
func (s *Store) RemoveDictionary(name string) error {
	if s.ReadOnly() {
		return fmt.Errorf("remove dictionary %s: %w", name, ErrReadOnly)
	}
	if err := CheckName(name); err != nil {
		return fmt.Errorf("%w: %w", ErrNoDictionary, err)
	}
	s.keeping.Lock()
	defer s.keeping.Unlock()
	s.naming.Lock()
	defer s.naming.Unlock()
	if err := s.unkept(); err != nil {
		return storageError("remove dictionary "+name, err)
	}
	err := durable.Remove(s.nameFile(name))
	if notExist(err) {
		return fmt.Errorf("%w: %q in %s", ErrNoDictionary, name, s.dir)
	}
	return storageError("remove dictionary "+name, err)
}

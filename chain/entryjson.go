package chain

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ipfs/go-cid"

	"dictnet/merkle"
)

// entryJSON is an Entry as it is written. A publication has size, root, manifest and publisher, a deprecation a reason.
type entryJSON struct {
	Number    uint64          `json:"number"`
	Block     uint64          `json:"block"`
	Time      int64           `json:"time"` // seconds since 1970
	Tx        *common.Hash    `json:"transaction,omitempty"`
	Size      uint64          `json:"size,omitempty"`
	Root      *common.Hash    `json:"root,omitempty"`
	Manifest  string          `json:"manifest,omitempty"`
	Publisher *common.Address `json:"publisher,omitempty"`
	Reason    *string         `json:"reason,omitempty"`
	Bytes     *hexutil.Bytes  `json:"reasonBytes,omitempty"` // a reason that is not UTF-8, which a JSON string cannot hold
}

// MarshalJSON writes the entry for people and programs.
func (e Entry) MarshalJSON() ([]byte, error) {
	j := entryJSON{Number: e.Number, Block: e.Block, Time: e.Time.Unix(), Reason: e.Reason}
	if e.Tx != (common.Hash{}) {
		j.Tx = &e.Tx
	}
	if e.Reason != nil && !utf8.ValidString(*e.Reason) {
		b := hexutil.Bytes(*e.Reason)
		j.Reason, j.Bytes = nil, &b
	}
	if e.Reason == nil {
		root := common.Hash(e.Root)
		j.Size, j.Root, j.Manifest, j.Publisher = e.Size, &root, e.Manifest.String(), &e.Publisher
	}
	return json.Marshal(j)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (e *Entry) UnmarshalJSON(b []byte) error {
	var j entryJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return err
	}
	if j.Reason == nil && j.Bytes != nil {
		reason := string(*j.Bytes)
		j.Reason = &reason
	}
	*e = Entry{Number: j.Number, Block: j.Block, Time: time.Unix(j.Time, 0).UTC(), Reason: j.Reason}
	if j.Tx != nil {
		e.Tx = *j.Tx
	}
	if j.Reason != nil {
		return nil
	}
	if j.Root == nil || j.Publisher == nil {
		return errors.New("entry of a history is neither a publication nor a deprecation")
	}
	c, err := cid.Decode(j.Manifest)
	if err != nil {
		return fmt.Errorf("manifest %q: %w", j.Manifest, err)
	}
	e.Version, e.Manifest, e.Publisher = merkle.Version{Size: j.Size, Root: merkle.Hash(*j.Root)}, c, *j.Publisher
	return nil
}

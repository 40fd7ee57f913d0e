package chain

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ipfs/go-cid"

	"dictnet/contracts"
	"dictnet/merkle"
)

// DigestSigner signs the digest of a typed message (EIP-712).
type DigestSigner interface {
	Address() common.Address
	// SignDigest returns r, s and a recovery id of 0 or 1, 65 bytes.
	SignDigest(ctx context.Context, digest [32]byte) ([]byte, error)
}

// SignedPublication is a version that a publisher signed, and that anyone may publish, and pay for, in his stead. It is
// good once, and only on top of the history that was there when it was signed. It is handed on as JSON.
type SignedPublication struct {
	extension contracts.DictionaryRegistryExtension
	proof     [][32]byte
	deadline  *big.Int
	signature [65]byte
}

// SignPublication signs what Publish would send. It is void after the deadline.
func (r *Registry) SignPublication(ctx context.Context, s DigestSigner, id ID, old, new merkle.Version, manifest cid.Cid, proof []merkle.Hash, deadline time.Time) (SignedPublication, error) {
	fail := func(err error) (SignedPublication, error) {
		return SignedPublication{}, fmt.Errorf("sign version of dictionary %s: %w", id, err)
	}
	e, words, err := extension(id, old, new, manifest, proof)
	if err != nil {
		return fail(err)
	}
	head, err := r.Head(ctx, id)
	if err != nil {
		return fail(err)
	}
	if head.Version != old {
		return fail(&StaleVersionError{ID: id, OldSize: old.Size, Head: head.Version})
	}
	if deadline.Unix() < 0 {
		return fail(errors.New("deadline is before 1970"))
	}
	p := SignedPublication{extension: e, proof: words, deadline: big.NewInt(deadline.Unix())}
	// Not asked of the node: it could have us sign another dictionary's version.
	signature, err := s.SignDigest(ctx, r.publicationDigest(e, head.History, p.deadline))
	if err != nil {
		return fail(err)
	}
	if len(signature) != len(p.signature) || signature[64] > 1 {
		return fail(errors.New("the signer returned no signature of 65 bytes"))
	}
	p.signature = [65]byte(signature)
	return p, nil
}

// ID returns the dictionary whose version was signed.
func (p SignedPublication) ID() ID { return p.extension.Id }

// Version returns the version that was signed.
func (p SignedPublication) Version() merkle.Version {
	return merkle.Version{Size: p.extension.NewSize, Root: p.extension.Root}
}

// Manifest returns the manifest of the version.
func (p SignedPublication) Manifest() cid.Cid { return manifestCID(p.extension.Manifest) }

// Deadline returns when the publication becomes void.
func (p SignedPublication) Deadline() time.Time {
	if p.deadline == nil {
		return time.Time{} // nothing was signed
	}
	return time.Unix(p.deadline.Int64(), 0).UTC()
}

// SignerOf returns the account that signed a publication, if it did so for this registry and on top of the history that led to the head; else it returns some other account, or an
// error.
func (r *Registry) SignerOf(p SignedPublication, h Head) (common.Address, error) {
	digest := r.publicationDigest(p.extension, h.History, p.deadline)
	key, err := crypto.SigToPub(digest[:], p.signature[:])
	if err != nil {
		return common.Address{}, fmt.Errorf("signed version of dictionary %s: %w", p.extension.Id, err)
	}
	return crypto.PubkeyToAddress(*key), nil
}

// signedJSON is a SignedPublication as it is written. That it is for this registry and chain only the signature says.
type signedJSON struct {
	ID        ID            `json:"dictionary"`
	OldSize   uint64        `json:"oldSize"`
	NewSize   uint64        `json:"newSize"`
	Root      merkle.Hash   `json:"root"`
	Manifest  string        `json:"manifest"`
	Proof     []merkle.Hash `json:"proof,omitempty"`
	Deadline  int64         `json:"deadline"`  // seconds since 1970
	Signature hexutil.Bytes `json:"signature"` // r, s and a recovery id of 0 or 1
}

// MarshalJSON writes the publication for whoever is to submit it.
func (p SignedPublication) MarshalJSON() ([]byte, error) {
	e := p.extension
	j := signedJSON{ID: e.Id, OldSize: e.OldSize, NewSize: e.NewSize, Root: e.Root, Manifest: manifestCID(e.Manifest).String(), Signature: p.signature[:]}
	if p.deadline != nil {
		j.Deadline = p.deadline.Int64()
	}
	for _, h := range p.proof {
		j.Proof = append(j.Proof, h)
	}
	return json.Marshal(j)
}

// UnmarshalJSON reads what MarshalJSON writes. Whether the signature is good is for the registry to say.
func (p *SignedPublication) UnmarshalJSON(b []byte) error {
	var j signedJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return err
	}
	manifest, err := cid.Decode(j.Manifest)
	if err != nil {
		return fmt.Errorf("manifest %q: %w", j.Manifest, err)
	}
	digest, err := manifestDigest(manifest)
	if err != nil {
		return err
	}
	q := SignedPublication{deadline: big.NewInt(j.Deadline),
		extension: contracts.DictionaryRegistryExtension{Id: j.ID, OldSize: j.OldSize, NewSize: j.NewSize, Root: j.Root, Manifest: digest}}
	if j.Deadline < 0 || len(j.Signature) != len(q.signature) || j.Signature[64] > 1 {
		return errors.New("signed publication: want a deadline after 1970 and a signature of 65 bytes")
	}
	q.signature = [65]byte(j.Signature)
	for _, h := range j.Proof {
		q.proof = append(q.proof, h)
	}
	*p = q
	return nil
}

// PublishSigned publishes what somebody else signed. The signer s pays.
func (r *Registry) PublishSigned(ctx context.Context, s Signer, p SignedPublication) (Receipt, error) {
	data := binding().PackPublishSigned(p.extension, p.proof, p.deadline, p.signature[64]+27, [32]byte(p.signature[:32]), [32]byte(p.signature[32:64]))
	return r.change(ctx, s, "publish signed version of", p.extension.Id, data)
}

var (
	domainType  = crypto.Keccak256([]byte("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"))
	publishType = crypto.Keccak256([]byte("Publish(bytes32 id,uint64 oldSize,uint64 newSize,bytes32 root,bytes32 manifest,bytes32 history,uint256 deadline)"))
)

// publicationDigest is the contract's digestToSign.
func (r *Registry) publicationDigest(e contracts.DictionaryRegistryExtension, history [32]byte, deadline *big.Int) [32]byte {
	domain := keccak(domainType, crypto.Keccak256([]byte("DictionaryRegistry")), crypto.Keccak256([]byte("1")),
		word(r.client.chainID.Bytes()), word(r.address[:]))
	message := keccak(publishType, e.Id[:], number(e.OldSize), number(e.NewSize), e.Root[:], e.Manifest[:], history[:], word(deadline.Bytes()))
	return keccak([]byte{0x19, 0x01}, domain[:], message[:])
}

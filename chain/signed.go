package chain

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/ethereum/go-ethereum/common"
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
// good once, and only on top of the history that was there when it was signed.
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

package ipfs

import (
	"fmt"
	"os"

	"github.com/libp2p/go-libp2p/core/pnet"
)

// LoadSwarmKey reads the key of a private network: 32 bytes shared by all its members, in the text form of Kubo's
// swarm.key ("/key/swarm/psk/1.0.0/", the encoding, the key, a line each). Members encrypt everything with it, before
// the handshake, so that a node without it cannot even find out whom it called.
func LoadSwarmKey(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("swarm key: %w", err)
	}
	defer f.Close()
	key, err := pnet.DecodeV1PSK(f)
	if err != nil {
		return nil, fmt.Errorf("swarm key %s: %w", path, err)
	}
	return key, nil
}

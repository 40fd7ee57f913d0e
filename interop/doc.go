// Package interop holds the tests against the real programs of the IPFS network: Kubo, which the module in kubo/ builds, and
// Helia and Kubo's RPC client, which helia/ installs. They run by `make test-interop`, with the build tag interop.
package interop

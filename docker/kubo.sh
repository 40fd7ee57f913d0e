#!/bin/sh
# Before the daemon of Kubo starts: talk to nobody but those who call, or are named.
set -eu
ipfs bootstrap rm --all
ipfs config --json AutoConf.Enabled false
ipfs config --json AutoTLS.Enabled false
ipfs config --json Discovery.MDNS.Enabled false
ipfs config --json DNS.Resolvers '{}'
ipfs config --json Routing.DelegatedRouters '[]'
ipfs config --json Ipns.DelegatedPublishers '[]'
ipfs config --json Swarm.DisableNatPortMap true
ipfs config Routing.Type none

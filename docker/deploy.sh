#!/bin/sh
# Deploy the registry contract and leave its address for the others.
set -eu
rm -f /exchange/*
dictnet chain deploy --fixed --rpc "$RPC" --dev-key --json | sed -n 's/.*"registry": "\(.*\)".*/\1/p' > /exchange/registry.new
test -s /exchange/registry.new
mv /exchange/registry.new /exchange/registry
echo "registry $(cat /exchange/registry)"
exec sleep infinity

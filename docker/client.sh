#!/bin/sh
# Decode what the publisher encoded, with nothing but the template and two addresses, and compare.
set -eu
dictnet decode /exchange/new.dn -o /tmp/new -d "$(cat /exchange/dictionary)" --rpc "$RPC" --peer "$(cat /exchange/peer)"
cmp /tmp/new /exchange/expected
dictnet audit "$(cat /exchange/dictionary)" --rpc "$RPC" --peer "$(cat /exchange/peer)"
echo "byte-identical"

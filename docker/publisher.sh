#!/bin/sh
# Build a dictionary, have Kubo pin it, anchor and serve it, encode a newer file against it, and leave for the client what he needs.
set -eu
rm -rf "${DICTNET_HOME:?}"/* # the chain begins anew each time, and so does what was anchored on it
cat /docs/*.md > /tmp/old
sed 's/template/Template/; s/dictionary/Dictionary/' /tmp/old > /tmp/new
dictnet build /tmp/old -o releases
dictnet encode /tmp/new -d releases -o /exchange/new.dn
cp /tmp/new /exchange/expected
: > /tmp/published
dictnet publish releases --via "$VIA" --rpc "$RPC" --registry "$(cat /exchange/registry)" --dev-key --serve --listen "/ip4/0.0.0.0/tcp/4011" --http "" --json > /tmp/published &
NODE=$!
trap 'kill -INT $NODE' INT TERM
until grep -q '"peers"' /tmp/published && grep -q '^}' /tmp/published; do kill -0 $NODE; sleep 0.1; done
sed -n 's/.*"address": "\(.*\)",.*/\1/p' /tmp/published > /exchange/dictionary
sed -n 's/.*"\(\/ip4\/.*\)".*/\1/p' /tmp/published | grep -v /ip4/127 | head -n 1 > /exchange/peer
cat /tmp/published
wait $NODE

#!/bin/sh
# Keep a copy of the dictionary, from Kubo's gateway, and give it to others over HTTP.
set -eu
rm -rf "${DICTNET_HOME:?}"/*
dictnet pull "$(cat /exchange/dictionary)" --as releases --rpc "$RPC" --gateway "$FROM"
exec dictnet node --listen /ip4/0.0.0.0/tcp/4011 --http 0.0.0.0:4012

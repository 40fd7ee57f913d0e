#!/bin/sh
# Decode what the publisher encoded, with nothing but the template and addresses, from each that has the notes, and compare.
set -eu
DICT=$(cat /exchange/dictionary)
decode() {
  echo "== from $*"
  rm -rf /tmp/home
  dictnet decode /exchange/new.dn -o /tmp/new -d "$DICT" --rpc "$RPC" --home /tmp/home "$@"
  cmp /tmp/new /exchange/expected
}
decode --peer "$(cat /exchange/peer)"
decode --gateway "$GATEWAY"
decode --gateway "$KUBO"
dictnet audit "$DICT" --rpc "$RPC" --peer "$(cat /exchange/peer)" --gateway "$GATEWAY"
echo "byte-identical"

#!/bin/sh
# Whether the committed artifacts and the Go binding are what DictionaryRegistry.sol gives. Needs `npm ci` and Go.
set -eu
cd "$(dirname "$0")"
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
node compile.js "$fresh"
go tool abigen --v2 --abi "$fresh/DictionaryRegistry.abi" --bin "$fresh/DictionaryRegistry.bin" \
	--type DictionaryRegistry --pkg contracts --out "$fresh/registry.go"
for file in DictionaryRegistry.abi DictionaryRegistry.bin DictionaryRegistry.bin-runtime DictionaryRegistry.slots registry.go; do
	cmp "$file" "$fresh/$file" || {
		echo "contracts/$file is stale: run 'node compile.js && go generate' in contracts/" >&2
		exit 1
	}
done
echo "contracts: artifacts and binding are fresh"

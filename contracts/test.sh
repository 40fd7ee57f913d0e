#!/bin/sh
# All tests of the contract that need more than Go: freshness of artifacts and binding, then forge's. Needs npm and Go.
set -eu
cd "$(dirname "$0")"
npm ci --silent
./check.sh
./forge test
./forge fmt --check DictionaryRegistry.sol test
# What forge tested is what we commit.
node -e '
const made = require("./out/DictionaryRegistry.sol/DictionaryRegistry.json").bytecode.object;
const ours = "0x" + require("fs").readFileSync("DictionaryRegistry.bin", "utf8").trim();
if (made !== ours) { console.error("forge made other bytecode than compile.js: compare foundry.toml with it"); process.exit(1); }'
echo "contracts: all tests passed"

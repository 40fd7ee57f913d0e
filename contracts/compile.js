// Compiles DictionaryRegistry.sol to DictionaryRegistry.abi, .bin, .bin-runtime and .slots.
//
//	node compile.js [DIR]    DIR is where the four files go; without it, beside this file
//
// foundry.toml states the settings again for the tests; test.sh compares the bytecode that forge makes with ours.
"use strict";
const fs = require("fs");
const path = require("path");
const solc = require("solc");

const name = "DictionaryRegistry";
const out = process.argv[2] || __dirname;
const input = {
  language: "Solidity",
  sources: { [name + ".sol"]: { content: fs.readFileSync(path.join(__dirname, name + ".sol"), "utf8") } },
  settings: {
    evmVersion: "shanghai", // the newest that Ganache runs
    optimizer: { enabled: true, runs: 1000000 },
    // The bytecode depends on the source's meaning only, not on its comments, paths or metadata.
    metadata: { bytecodeHash: "none", appendCBOR: false },
    outputSelection: {
      "*": { "*": ["abi", "evm.bytecode.object", "evm.deployedBytecode.object", "storageLayout"] },
    },
  },
};

const output = JSON.parse(solc.compile(JSON.stringify(input)));
let failed = false;
for (const e of output.errors || []) {
  process.stderr.write(e.formattedMessage);
  failed = true; // a warning too
}
if (failed) process.exit(1);

const c = output.contracts[name + ".sol"][name];
const layout = c.storageLayout;
fs.mkdirSync(out, { recursive: true });
const write = (suffix, text) => fs.writeFileSync(path.join(out, name + suffix), text);
write(".abi", "[\n" + c.abi.map((x) => JSON.stringify(x)).join(",\n") + "\n]\n");
write(".bin", c.evm.bytecode.object + "\n");
write(".bin-runtime", c.evm.deployedBytecode.object + "\n");
write(".slots", slots(layout));

// slots says where storage variables live, a line each: type of what holds them, slot, byte offset, name.
function slots(layout) {
  const lines = layout.storage.map((v) => `contract ${v.slot} ${v.offset} ${v.label}`);
  for (const t of Object.values(layout.types)) {
    for (const m of t.members || []) lines.push(`${t.label.replace("struct DictionaryRegistry.", "")} ${m.slot} ${m.offset} ${m.label}`);
  }
  return lines.join("\n") + "\n";
}

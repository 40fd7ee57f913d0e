// Takes each check out of DictionaryRegistry.sol in turn, and sees whether a test of test/ notices. Two at a time, a few
// seconds each. A mutant that survives is a check that nobody would miss if it were gone.
//
//	node mutate.js [TEXT]    only those whose description has TEXT in it
"use strict";
const fs = require("fs");
const os = require("os");
const path = require("path");
const { spawn } = require("child_process");

const source = fs.readFileSync(path.join(__dirname, "DictionaryRegistry.sol"), "utf8");

// [what is changed, where (the function), from, to]; `from` must be there exactly once after "function where(".
const mutants = [
  ["register again", "register", "if (d.owner != address(0)) revert AlreadyRegistered(id);", ""],
  ["id without chain", "idOf", "block.chainid, ", ""],
  ["id without contract", "idOf", "address(this), ", ""],
  ["id without sender", "idOf", "sender, salt))", "salt))"],
  ["id without salt", "idOf", "sender, salt))", "sender))"],
  ["anyone transfers", "transferOwnership", "_owned", "_registered"],
  ["anyone accepts", "acceptOwnership", "if (d.pendingOwner != msg.sender) revert NotPendingOwner(id, msg.sender);", ""],
  ["publishers are inherited", "acceptOwnership", "d.term++;", ""],
  ["an offer lasts", "acceptOwnership", "d.pendingOwner = address(0);", ""],
  ["anyone sets publishers", "setPublisher", "_owned", "_registered"],
  ["publishers cannot be taken back", "setPublisher", "= allowed", "= true"],
  ["anyone sets names", "setName", "_owned", "_registered"],
  ["names of any length", "setName", "if (bytes(name).length > MAX_NAME) revert TextTooLong(bytes(name).length, MAX_NAME);", ""],
  ["anyone freezes", "freeze", "_owned", "_registered"],
  ["freeze twice", "freeze", "if (d.frozen) revert DictionaryFrozen(id);", ""],
  ["anyone deprecates", "deprecate", "_owned", "_registered"],
  ["deprecate version 0", "deprecate", "number == 0 || ", ""],
  ["deprecate the future", "deprecate", " || number > d.versions", ""],
  ["reasons of any length", "deprecate", "if (bytes(reason).length > MAX_REASON) revert TextTooLong(bytes(reason).length, MAX_REASON);", ""],
  ["deprecation leaves the history", "deprecate", "d.history = _link(d.history,", "bytes32 unused = _link(d.history,"],
  ["deprecation leaves the block", "deprecate", "d.blockNumber = uint64(block.number);", ""],
  ["deprecation leaves the time", "deprecate", "d.time = uint64(block.timestamp);", ""],
  ["signatures do not expire", "publishSigned", "if (block.timestamp > deadline) revert SignatureExpired(e.id, deadline);", ""],
  ["either s", "publishSigned", "uint256(s) > MAX_S ? address(0) : ", ""],
  ["the zero address signs", "publishSigned", "if (signer == address(0)) revert NotPublisher(e.id, signer);", ""],
  ["the submitter publishes", "publishSigned", "_publish(d, e, proof, signer);", "_publish(d, e, proof, msg.sender);"],
  ["frozen may publish", "mayPublish", "!d.frozen && ", ""],
  ["owner may not publish", "mayPublish", "account == d.owner || ", ""],
  ["publishers may not publish", "mayPublish", " || d.publishers[d.term][account]", ""],
  ["inclusion without leaf prefix", "hashNote", 'hex"0001551220"', 'hex"01551220"'],
  ["index beyond size", "isIncluded", "if (index >= size) return false;", ""],
  ["inclusion proof too long", "isIncluded", "if (sn == 0) return false;", ""],
  ["inclusion right edge", "isIncluded", " || fn == sn", ""],
  ["inclusion left over levels", "isIncluded", "while (fn & 1 == 0 && fn != 0)", "while (false)"],
  ["inclusion proof too short", "isIncluded", "sn == 0 && r == root", "r == root"],
  ["inclusion root", "isIncluded", "sn == 0 && r == root", "sn == 0"],
  ["backwards", "isConsistent", "if (oldSize > newSize) return false;", ""],
  ["any empty tree", "isConsistent", 'if (oldSize == 0 && oldRoot != sha256("")) return false;', ""],
  ["same size, some proof", "isConsistent", "proof.length == 0 && oldRoot == newRoot", "oldRoot == newRoot"],
  ["same size, another root", "isConsistent", "proof.length == 0 && oldRoot == newRoot", "proof.length == 0"],
  ["from nothing, some proof", "isConsistent", "if (oldSize == 0) return proof.length == 0;", "if (oldSize == 0) return true;"],
  ["no first hash", "isConsistent", "if (proof.length == 0) return false;", ""],
  ["consistency proof too long", "isConsistent", "if (sn == 0) return false;", ""],
  ["consistency right edge", "isConsistent", " || fn == sn", ""],
  ["consistency left over levels", "isConsistent", "while (fn & 1 == 0 && fn != 0)", "while (false)"],
  ["consistency proof too short", "isConsistent", "sn == 0 && fr == oldRoot", "fr == oldRoot"],
  ["old root", "isConsistent", " && fr == oldRoot", ""],
  ["new root", "isConsistent", " && sr == newRoot", ""],
  ["anyone publishes", "_publish", "if (publisher != d.owner && !d.publishers[d.term][publisher]) revert NotPublisher(e.id, publisher);", ""],
  ["publishers of any term", "_publish", "d.publishers[d.term][publisher]", "d.publishers[0][publisher]"],
  ["frozen publishes", "_publish", "if (d.frozen) revert DictionaryFrozen(e.id);", ""],
  ["no check of the extension", "_publish", "_checkExtension(d.size, d.root, e, proof);", ""],
  ["previous block", "_publish", "time, d.blockNumber);", "time, 0);"],
  ["root is kept", "_publish", "d.root = e.root;", ""],
  ["manifest is kept", "_publish", "d.manifest = e.manifest;", ""],
  ["history is kept", "_publish", "d.history =", "bytes32 unused ="],
  ["size is kept", "_publish", "d.size = e.newSize;", ""],
  ["number is kept", "_publish", "d.versions = number;", ""],
  ["block is kept", "_publish", "d.blockNumber = blockNumber;", ""],
  ["time is kept", "_publish", "d.time = time;", ""],
  ["any old size", "_checkExtension", "if (e.oldSize != size) revert StaleVersion(e.id, e.oldSize, size, root);", ""],
  ["shrinking", "_checkExtension", "if (e.newSize <= size) revert NotLarger(e.id, size, e.newSize);", ""],
  ["empty root", "_checkExtension", 'if (size == 0) root = sha256("");', ""],
  ["no proof", "_checkExtension", "if (!isConsistent(size, root, e.newSize, e.root, proof)) revert NotAnExtension(e.id, size, e.newSize);", ""],
  ["their old root", "_checkExtension", "isConsistent(size, root,", "isConsistent(size, proof.length > 0 ? proof[0] : root,"],
  ["history without the past", "_link", "keccak256(abi.encode(history, entry))", "keccak256(abi.encode(entry))"],
  ["history without the entry", "_link", "keccak256(abi.encode(history, entry))", "keccak256(abi.encode(history))"],
  ["later entries are ignored", "inHistory", "history = _link(history, later[i]);", ""],
  ["domain without chain", "_digest", "block.chainid, ", ""],
  ["domain without contract", "_digest", ", address(this))", ")"],
  ["node prefix", "_hashNode", "mstore8(0x00, 0x01)", "mstore8(0x00, 0x00)"],
  ["memory pointer", "_hashNode", "mstore8(0x40, 0x00)", ""],
  ["unregistered", "_registered", "if (d.owner == address(0)) revert NotRegistered(id);", ""],
  ["not the owner", "_owned", "if (d.owner != msg.sender) revert NotOwner(id, msg.sender);", ""],
  ...["e.id", "e.oldSize", "e.newSize", "e.root", "e.manifest"].map((f) => [`signature without ${f}`, "_digest", ` ${f}, `, " "]),
  ["signature without history", "_digest", "e.manifest, history, deadline", "e.manifest, deadline"],
  ["signature without deadline", "_digest", ", deadline)", ")"],
  ...["id", "number", "size", "root", "manifest", "publisher", "blockNumber"].map((f) => [`published entry without ${f}`, "hashPublished", `abi.encode(PUBLISHED, id, number, size, root, manifest, publisher, blockNumber, time)`, `abi.encode(PUBLISHED, id, number, size, root, manifest, publisher, blockNumber, time)`.replace(`${f}, `, "")]),
  ["published entry without time", "hashPublished", ", time))", "))"],
  ["entries of one kind", "hashDeprecated", "DEPRECATED", "PUBLISHED"],
  ...["id", "number", "keccak256(bytes(reason))", "blockNumber"].map((f) => [`deprecated entry without ${f}`, "hashDeprecated", "abi.encode(DEPRECATED, id, number, keccak256(bytes(reason)), blockNumber, time)", "abi.encode(DEPRECATED, id, number, keccak256(bytes(reason)), blockNumber, time)".replace(`${f}, `, "")]),
  ["deprecated entry without time", "hashDeprecated", ", time));", "));"],
];

// mutate returns the source with one change; white space in the source may be any.
function mutate([what, where, from, to]) {
  const start = source.indexOf(`function ${where}(`);
  const end = source.indexOf("\n    }\n", start);
  if (start < 0) throw new Error(`${what}: no function ${where}`);
  const body = source.slice(start, end);
  const space = (s) => s.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replace(/\s+/g, "\\s*").replace(/(\\[()]|[{}])/g, "\\s*$1\\s*");
  const found = [...body.matchAll(new RegExp(space(from), "g"))];
  if (found.length !== 1) throw new Error(`${what}: ${found.length} places in ${where}`);
  const at = start + found[0].index;
  const mutant = source.slice(0, at) + to + source.slice(at + found[0][0].length);
  if (mutant === source) throw new Error(`${what}: changes nothing`);
  return mutant;
}

const root = fs.mkdtempSync(path.join(os.tmpdir(), "mutants-"));
process.on("exit", () => fs.rmSync(root, { recursive: true, force: true }));
process.on("SIGINT", () => process.exit(130));

function forge(dir) {
  return new Promise((done) => {
    const child = spawn("./forge", ["test", "--fail-fast"], {
      cwd: dir,
      // Without the optimizer solc takes half the time, with linking at run time the tests are compiled once only; the
      // numbers are enough to find what there is to find.
      env: { ...process.env, FOUNDRY_OPTIMIZER: "false", FOUNDRY_FUZZ_RUNS: "64", FOUNDRY_INVARIANT_RUNS: "4", FOUNDRY_DYNAMIC_TEST_LINKING: "true" },
    });
    let out = "";
    child.stdout.on("data", (b) => (out += b));
    child.stderr.on("data", (b) => (out += b));
    child.on("close", (code) => done({ code, out }));
  });
}

async function worker(name, queue, survivors) {
  const dir = path.join(root, name);
  fs.mkdirSync(dir);
  for (const f of ["test", "bin", "foundry.toml", "forge"]) fs.cpSync(path.join(__dirname, f), path.join(dir, f), { recursive: true });
  fs.symlinkSync(path.join(__dirname, "node_modules"), path.join(dir, "node_modules"));
  for (let m; (m = queue.shift()); ) {
    fs.writeFileSync(path.join(dir, "DictionaryRegistry.sol"), m[0] === "" ? source : mutate(m));
    const { code, out } = await forge(dir);
    const ran = out.includes("Ran ") && out.includes(" tests passed");
    if (!ran) throw new Error(`${m[0]}: the tests did not run:\n${out}`);
    if (m[0] === "") {
      if (code !== 0) throw new Error(`the tests fail before anything is changed:\n${out}`);
    } else if (code === 0) {
      survivors.push(m[0]);
      console.log(`SURVIVED: ${m[0]}`);
    } else {
      const by = /\[FAIL[^\]]*\]+ *(?:\n.*\n.*\n)? ?(\w+)/.exec(out);
      console.log(`found: ${m[0]}${by ? ` (${by[1]})` : ""}`);
    }
  }
}

(async () => {
  const wanted = process.argv[2];
  const chosen = mutants.filter((m) => !wanted || m[0].includes(wanted));
  chosen.forEach(mutate); // all of them apply, before the long part
  const survivors = [];
  const queue = [[""], ...chosen];
  await Promise.all([worker("a", queue, survivors), worker("b", queue, survivors)]);
  console.log(`${chosen.length} mutants, ${survivors.length} survived`);
  process.exitCode = survivors.length ? 1 : 0;
})().catch((e) => {
  console.error(e.message);
  process.exit(1);
});

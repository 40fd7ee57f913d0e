// node walk.mjs PEER MANIFEST OUT: a Helia node that knows one peer walks a manifest, fetches every note from it by bitswap, and writes
// the tape, raw. Nothing here is of dictnet but the shape of the manifest (docs/format.md, section 3); a note is a zstd frame.
import { writeFileSync } from 'node:fs'
import { zstdDecompressSync } from 'node:zlib'
import { withBitswap } from '@helia/bitswap'
import { dagCbor } from '@helia/dag-cbor'
import { withLibp2pLight } from '@helia/libp2p'
import { identify } from '@libp2p/identify'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createHeliaLight } from 'helia'
import { CID } from 'multiformats/cid'

const [peer, name, out] = process.argv.slice(2)
const signal = AbortSignal.timeout(60_000)
const helia = await withBitswap(withLibp2pLight(createHeliaLight(), {
  addresses: { listen: [] },
  transports: [tcp()],
  connectionEncrypters: [noise()],
  streamMuxers: [yamux()],
  services: { identify: identify() }
})).start()
try {
  await helia.libp2p.dial(multiaddr(peer), { signal })
  const root = CID.parse(name)
  const session = helia.blockstore.createSession(root, { providers: [multiaddr(peer)] })
  const cbor = dagCbor({ blockstore: session })
  const manifest = await cbor.get(root, { signal })
  const parts = []
  const block = async cid => {
    const chunks = []
    for await (const chunk of session.get(cid, { signal })) chunks.push(chunk)
    return Buffer.concat(chunks)
  }
  const walk = async (link, height) => {
    for (const entry of await cbor.get(link, { signal })) {
      if (height > 1) await walk(entry[0], height - 1)
      else {
        const raw = zstdDecompressSync(await block(entry[0]))
        if (raw.length !== entry[1]) throw new Error(`note ${entry[0]} has ${raw.length} bytes, the page says ${entry[1]}`)
        parts.push(raw)
      }
    }
  }
  let height = 1
  for (let n = Number(manifest.size); n > 256; n = Math.ceil(n / 256)) height++
  await walk(manifest.tree, height)
  const tape = Buffer.concat(parts)
  if (tape.length !== Number(manifest.length) || parts.length !== Number(manifest.size)) {
    throw new Error(`${parts.length} notes, ${tape.length} bytes; the manifest says ${manifest.size}, ${manifest.length}`)
  }
  writeFileSync(out, tape)
  console.log(`${parts.length} notes`)
} finally {
  await helia.stop()
}
process.exit(0)

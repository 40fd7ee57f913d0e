// node rpc.mjs HOST:PORT PEER MANIFEST: Kubo, told by its own RPC client, pins a manifest from a peer and shows its first page.
import { multiaddr } from '@multiformats/multiaddr'
import { create } from 'kubo-rpc-client'
import { CID } from 'multiformats/cid'

const [api, peer, name] = process.argv.slice(2)
const kubo = create({ url: `http://${api}/api/v0`, timeout: 60_000 })
await kubo.swarm.connect(multiaddr(peer))
const root = CID.parse(name)
console.log('pinned', (await kubo.pin.add(root, { recursive: true })).toString())
const { value } = await kubo.dag.get(root)
const page = (await kubo.dag.get(value.tree)).value
console.log('notes', Number(value.size), 'on the first page', page.length, 'first', page[0][0].toString())
process.exit(0)

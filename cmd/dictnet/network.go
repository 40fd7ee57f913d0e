package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

// nodeFlags say how a verb takes part in the IPFS network.
type nodeFlags struct {
	peers     []string
	gateways  []string
	routers   []string
	listen    []string
	mdns      bool
	dht       bool
	swarmKey  string
	http      string // address to answer HTTP on; "": none
	templates string // folder of templates to serve; "": none
	wait      pause
	again     time.Duration // between calls of peers that a node has lost; 0: reconnect
}

// defaultListen leaves port 4001 to Kubo.
const defaultListen = "/ip4/0.0.0.0/tcp/4011"

// defaultHTTP is next to defaultListen.
const defaultHTTP = "127.0.0.1:4012"

// ipnsRecord is the file in the store's directory that keeps what this node's IPNS name was last made to stand for.
const ipnsRecord = "ipns.record"

// fetch adds the flags of verbs that fetch.
func (f *nodeFlags) fetch(c *cobra.Command) {
	c.Flags().StringSliceVar(&f.peers, "peer", nil, "multiaddr of a peer to ask for notes, as /ip4/192.0.2.1/tcp/4011/p2p/12D3...; may be repeated")
	c.Flags().BoolVar(&f.mdns, "mdns", false, "also ask nodes found on the local network")
	c.Flags().StringSliceVar(&f.gateways, "gateway", nil, "URL of a trustless HTTP gateway to ask for notes, as http://127.0.0.1:8080, or kubo://127.0.0.1:5001 for a Kubo node of yours by its RPC; may be repeated")
	c.Flags().StringSliceVar(&f.routers, "router", nil, "URL of a delegated router (/routing/v1) to ask who has the dictionary; may be repeated")
	c.Flags().BoolVar(&f.dht, "dht", false, "also ask nodes that the peers' DHT names as having the dictionary")
	f.private(c)
	f.wait = pause(30 * time.Second)
	c.Flags().Var(&f.wait, "timeout", "how long to wait for a note when nothing comes")
}

// serve adds the flags of verbs that serve.
func (f *nodeFlags) serve(c *cobra.Command) {
	c.Flags().StringSliceVar(&f.peers, "peer", nil, "multiaddr of a peer to stay connected with; may be repeated")
	c.Flags().StringSliceVar(&f.listen, "listen", []string{defaultListen}, "multiaddr to listen on; may be repeated")
	c.Flags().BoolVar(&f.mdns, "mdns", false, "be found by nodes on the local network")
	c.Flags().BoolVar(&f.dht, "dht", false, "announce the dictionaries of the store in the DHT that the peers are part of, and serve it")
	c.Flags().StringVar(&f.http, "http", defaultHTTP, "address to answer HTTP on, as 127.0.0.1:0 or :8080; empty: none")
	c.Flags().StringVar(&f.templates, "templates", "", "directory of templates to serve by HTTP, under /templates/")
	f.private(c)
}

func (f *nodeFlags) private(c *cobra.Command) {
	c.Flags().StringVar(&f.swarmKey, "swarm-key", "", "key of a private network, as Kubo's swarm.key: only nodes that have it can be called, or call (default swarm.key in the store's directory, if there is one)")
}

// any reports whether somebody may be asked for notes.
func (f *nodeFlags) any() bool {
	return len(f.peers) > 0 || f.mdns || len(f.gateways) > 0 || len(f.routers) > 0
}

// pause is a flag that holds a time to wait, longer than none.
type pause time.Duration

func (p *pause) Set(s string) error {
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 {
		return fmt.Errorf("%q is no time to wait; as 30s", s)
	}
	*p = pause(d)
	return nil
}

func (p *pause) String() string { return time.Duration(*p).String() }
func (p *pause) Type() string   { return "duration" }

//go:build !front

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"

	"dictnet/dictnet/ipfs"
	"dictnet/dictnet/serve"
	"dictnet/dictnet/store"
)

// web is a node's HTTP server.
type web struct {
	server   *serve.Server
	listener net.Listener
	url      string
	ended    chan error // what Serve returned, if that is an error
}

// listenHTTP takes the address that the flags name, so that it is known to be free, and answers nothing yet. Where the default
// address is taken, as by another node on this machine, there is no server.
func (a *app) listenHTTP(s *store.Store, f nodeFlags, node func() serve.Node) (*web, error) {
	if f.http == "" {
		return nil, nil
	}
	l, err := net.Listen("tcp", f.http)
	if err != nil {
		if f.http == defaultHTTP && f.templates == "" && errors.Is(err, syscall.EADDRINUSE) {
			a.say("no HTTP: %s is taken; --http names another address", defaultHTTP)
			return nil, nil
		}
		return nil, usageErrorf("as 127.0.0.1:0, which takes any free port", "--http: %w", err)
	}
	server, err := serve.New(serve.Options{Store: s, Templates: f.templates, Node: node})
	if err != nil {
		l.Close()
		return nil, err
	}
	a.damaged = server.Damaged
	return &web{server: server, listener: l, url: "http://" + l.Addr().String(), ended: make(chan error, 1)}, nil
}

func (w *web) start() {
	go func() {
		if err := w.server.Serve(w.listener); err != nil {
			w.ended <- err
		}
	}()
}

// failed gives the error that ended the server before its time.
func (w *web) failed() <-chan error {
	if w == nil {
		return nil
	}
	return w.ended
}

// end finishes what is being answered, and takes no more.
func (w *web) end() error {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	return w.server.Shutdown(ctx)
}

// close ends the server at once.
func (w *web) close() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	w.server.Shutdown(ctx)
	w.listener.Close()
}

func describeNode(n *ipfs.Node) serve.Node {
	if n == nil {
		return serve.Node{}
	}
	d := serve.Node{ID: n.ID(), Addrs: n.Addrs(), Peers: n.Connected()}
	if t, err := n.Traffic(); err == nil {
		d.BlocksSent, d.BytesSent, d.BlocksReceived, d.BytesReceived = t.BlocksSent, t.BytesSent, t.BlocksReceived, t.BytesReceived
	}
	return d
}

// tellSystemd says how the service is doing, as sd_notify(3), where systemd wants to know.
func tellSystemd(state string) {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return
	}
	if path[0] == '@' {
		path = "\x00" + path[1:]
	}
	if c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"}); err == nil {
		fmt.Fprint(c, state)
		c.Close()
	}
}

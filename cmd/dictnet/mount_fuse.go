package main

import (
	"context"
	"io"
	"log/slog"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"dictnet/codec/tree"
)

// mounted is a tree that is shown as a file system.
type mounted struct {
	played *played
	tree   *tree.Tree
	log    *slog.Logger
	since  time.Time // for what has no time

	reads, bytes atomic.Uint64
}

// served is a file system that is being served.
type served struct {
	server *fuse.Server
	dir    string
	done   chan struct{} // closed when it has been unmounted
}

// node is an entry as the kernel sees it.
type node struct {
	fs.Inode
	m *mounted
	i int // entry, or tree.Top
}

var (
	_ fs.NodeLookuper   = (*node)(nil)
	_ fs.NodeReaddirer  = (*node)(nil)
	_ fs.NodeGetattrer  = (*node)(nil)
	_ fs.NodeOpener     = (*node)(nil)
	_ fs.NodeReader     = (*node)(nil)
	_ fs.NodeReadlinker = (*node)(nil)
	_ fs.NodeStatfser   = (*node)(nil)
)

// serve mounts the tree and answers the kernel until it is unmounted.
func (m *mounted) serve(dir string) (*served, error) {
	ever := 24 * time.Hour // nothing of it changes
	server, err := fs.Mount(dir, &node{m: m, i: tree.Top}, &fs.Options{
		EntryTimeout: &ever, AttrTimeout: &ever, NegativeTimeout: &ever, NullPermissions: true, // else 0 would be shown as 0644
		MountOptions: fuse.MountOptions{
			Name: "dictnet", FsName: m.played.name, DirectMount: true, DisableXAttrs: true,
			Options: []string{"ro", "default_permissions"},
		},
	})
	if err != nil {
		return nil, err
	}
	s := &served{server: server, dir: dir, done: make(chan struct{})}
	go func() {
		server.Wait()
		close(s.done)
	}()
	return s, nil
}

// unmount ends it; while files are open, the directory is gone at once and the rest when they are closed.
func (s *served) unmount() error {
	if s.server.Unmount() == nil {
		return nil
	}
	return detach(s.dir)
}

func (n *node) isDir() bool { return n.i == tree.Top || n.m.tree.Entry(n.i).Kind == tree.Dir }

// stable is what the kernel may remember of entry i for good.
func (m *mounted) stable(i int) fs.StableAttr {
	s := fs.StableAttr{Ino: uint64(i) + 2, Mode: syscall.S_IFREG} // 1 is the top
	switch m.tree.Entry(i).Kind {
	case tree.Dir:
		s.Mode = syscall.S_IFDIR
	case tree.Link:
		s.Mode = syscall.S_IFLNK
	}
	return s
}

// attributes says what stat shows of entry i.
func (m *mounted) attributes(i int, out *fuse.Attr) {
	out.Uid, out.Gid = uint32(syscall.Getuid()), uint32(syscall.Getgid())
	out.Nlink, out.Blksize = 1, 128<<10
	at := m.since
	if i == tree.Top {
		out.Mode = syscall.S_IFDIR | 0o755
	} else {
		e, s := m.tree.Entry(i), m.stable(i)
		out.Mode = s.Mode | uint32(e.Mode)
		out.Size = uint64(e.Size)
		if e.Kind == tree.Link {
			out.Mode |= 0o777
			out.Size = uint64(len(e.Target))
		} else if m.tree.Times {
			at = e.Time
		}
	}
	out.Blocks = (out.Size + 511) / 512
	out.SetTimes(&at, &at, &at)
}

func (n *node) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	if !n.isDir() {
		return nil, syscall.ENOTDIR
	}
	i, ok := n.m.tree.Child(n.i, name)
	if !ok {
		return nil, syscall.ENOENT
	}
	n.m.attributes(i, &out.Attr)
	return n.NewInode(ctx, &node{m: n.m, i: i}, n.m.stable(i)), 0
}

func (n *node) Readdir(context.Context) (fs.DirStream, syscall.Errno) {
	if !n.isDir() {
		return nil, syscall.ENOTDIR
	}
	var list []fuse.DirEntry
	for _, i := range n.m.tree.Children(n.i) {
		s := n.m.stable(i)
		list = append(list, fuse.DirEntry{Name: n.m.tree.Entry(i).Name, Mode: s.Mode, Ino: s.Ino})
	}
	return fs.NewListDirStream(list), 0
}

func (n *node) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	n.m.attributes(n.i, &out.Attr)
	return 0
}

func (n *node) Open(_ context.Context, flags uint32) (fs.FileHandle, uint32, syscall.Errno) {
	if flags&(syscall.O_WRONLY|syscall.O_RDWR) != 0 {
		return nil, 0, syscall.EROFS
	}
	return nil, fuse.FOPEN_KEEP_CACHE, 0
}

func (n *node) Read(_ context.Context, _ fs.FileHandle, dest []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	e := n.m.tree.Entry(n.i)
	if off < 0 || off >= e.Size {
		return fuse.ReadResultData(nil), 0
	}
	dest = dest[:min(int64(len(dest)), e.Size-off)]
	s, err := n.m.played.section(e.Offset+off, int64(len(dest)))
	if err == nil {
		_, err = io.ReadFull(s, dest)
	}
	if err != nil {
		n.m.log.Error("read", "file", n.m.tree.Path(n.i), "at", off, "error", oneLine(err))
		return nil, syscall.EIO
	}
	n.m.reads.Add(1)
	n.m.bytes.Add(uint64(len(dest)))
	return fuse.ReadResultData(dest), 0
}

func (n *node) Readlink(context.Context) ([]byte, syscall.Errno) {
	return []byte(n.m.tree.Entry(n.i).Target), 0
}

// Statfs says how large the tree is, and that there is no room in it.
func (n *node) Statfs(_ context.Context, out *fuse.StatfsOut) syscall.Errno {
	out.Bsize, out.Frsize, out.NameLen = 4096, 4096, 255
	out.Blocks = (uint64(n.m.tree.Size()) + 4095) / 4096
	out.Files = uint64(n.m.tree.Len()) + 1
	return 0
}

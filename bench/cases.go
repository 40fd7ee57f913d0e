package main

// kind is what a case asks of a tool.
type kind string

const (
	update kind = "update" // the next release, from the one before
	held   kind = "held"   // a file that the dictionary holds whole
	plain  kind = "plain"  // an ordinary file, no dictionary
	series kind = "series" // a file of many versions, no dictionary
	large  kind = "large"  // a gigabyte: speed of decoding, random reads
	scale  kind = "scale"  // a dictionary of 10 GB: memory
)

// testCase is something to encode.
type testCase struct {
	id    string // in file names and in -pairs
	kind  kind
	class string // of the bytes, for the reader only: no tool is told
	old   string // an input: what both sides hold, "" if nothing
	new   string // an input: what is to be sent
	small bool   // in a quick run too
}

var cases = []testCase{
	{"typescript-minor", update, "text", "typescript-5.8.3.tar", "typescript-5.9.3.tar", true},
	{"typescript-patch", update, "text", "typescript-5.9.2.tar", "typescript-5.9.3.tar", true},
	{"esbuild-x64", update, "machine code, Go", "esbuild-linux-x64-0.28.1.tar", "esbuild-linux-x64-0.28.2.tar", true},
	{"go-ethereum", update, "tar of sources, Go", "geth-1.17.9.tar", "geth-1.17.10.tar", false},
	{"esbuild-arm64", update, "machine code, Go, arm64", "esbuild-linux-arm64-0.28.1.tar", "esbuild-linux-arm64-0.28.2.tar", true},
	{"rollup", update, "machine code, Rust", "rollup-rollup-linux-x64-gnu-4.68.6.tar", "rollup-rollup-linux-x64-gnu-4.68.7.tar", true},
	{"anvil", update, "machine code, Rust", "foundry-rs-anvil-linux-amd64-1.7.0.tar", "foundry-rs-anvil-linux-amd64-1.7.1.tar", false},
	{"biome", update, "machine code, Rust", "biomejs-cli-linux-x64-2.6.7.tar", "biomejs-cli-linux-x64-2.6.8.tar", false},
	{"libvips", update, "machine code, C and C++", "img-sharp-libvips-linux-x64-1.3.3.tar", "img-sharp-libvips-linux-x64-1.3.4.tar", false},
	{"duckdb", update, "machine code, C++", "duckdb-node-bindings-linux-x64-1.5.5-r.5.tar", "duckdb-node-bindings-linux-x64-1.5.6-r.1.tar", false},
	{"esbuild-wasm", update, "wasm, Go", "esbuild-wasm-0.28.1.tar", "esbuild-wasm-0.28.2.tar", true},
	{"ffmpeg-wasm", update, "wasm, C", "ffmpeg-core-0.12.6.tar", "ffmpeg-core-0.12.10.tar", false},
	{"three", update, "tar of sources, JavaScript", "three-0.186.1.tar", "three-0.187.0.tar", true},
	{"compat-json", update, "JSON", "mdn-browser-compat-data-8.1.7.tar", "mdn-browser-compat-data-8.1.9.tar", true},
	{"compat-sql", update, "database dump, SQL", "compat-8.1.7.sql", "compat-8.1.9.sql", false},
	{"compat-sqlite", update, "database, SQLite", "compat-8.1.7.sqlite", "compat-8.1.9.sqlite", false},

	{"held", held, "old releases", "old-releases", "old-releases", false},

	{"plain-docs", plain, "prose", "", "docs.md", true},
	{"plain-messages", plain, "text, 13 languages", "", "messages.json", false},
	{"plain-source", plain, "source", "", "typescript.js", false},
	{"plain-json", plain, "JSON", "", "compat.json", false},
	{"plain-xml", plain, "XML", "", "icons.svg", true},
	{"plain-sqlite", plain, "database", "", "compat-8.1.9.sqlite", false},
	{"plain-fonts", plain, "fonts", "", "fonts.ttf", false},
	{"plain-go-binary", plain, "machine code, Go", "", "esbuild", false},
	{"plain-rust-library", plain, "machine code, Rust", "", "rollup.node", true},
	{"plain-wasm", plain, "wasm", "", "ffmpeg.wasm", false},

	{"history", series, "1,280 versions of two files", "", "history.d.ts", false},

	{"gigabyte", large, "new and old releases", "old-releases", "releases", false},
	{"scale", scale, "new and old releases", "old-releases", "releases", false},
}

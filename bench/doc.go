// Command bench compares dictnet with other tools on real releases.
//
// It fetches exact versions of packages through their ordinary clients (npm, go mod download), checks each against the
// hash that inputs.txt pins, runs every tool that is on PATH on every case, checks each result by decoding it, and writes
// RESULTS.md and plots. Every measurement is one JSON file, so that a run can be stopped, continued and redone in part:
//
//	bench                              everything that is not measured yet
//	bench -quick                       small cases, each once
//	bench -pairs typescript -tools dictnet -redo
//	bench -old A -new B -repeats 1     on two files of yours; nothing is kept
//	bench -report                      only write RESULTS.md and the plots anew
package main

//go:build !linux

package main

// dropUnused does nothing where it is not known to help.
func dropUnused() {}

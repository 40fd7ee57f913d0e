package main

import "dictnet/dictnet/seed"

const seedHelp = "a file or directory in which to look for notes, by their content; may be given several times"

// openSeeds opens what --seed names: CAR files apart, which hold blocks under their names.
func (a *app) openSeeds(paths []string) (*seed.Seeds, error) {
	var others []string
	for _, path := range paths {
		if !isCAR(path) {
			others = append(others, path)
		}
	}
	if len(others) == 0 {
		return nil, nil
	}
	s, err := seed.Open(others, a.log.Warn)
	if err != nil {
		return nil, inputError(err)
	}
	return s, nil
}

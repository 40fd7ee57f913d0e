// Package records encodes small records, of 200 bytes to some kilobytes, each into a template of its own, against a dictionary that was trained for
// their family: JSON documents, log lines, changelog entries, source files. A record can be decoded without any other.
//
// Such a dictionary is one like any other: notes on a tape, published and fetched as all are. What is special is how it was built ([Builder]): its tape
// ends with what the samples share, and with a model of how they use it: which bytes follow which, and which phrases follow which byte. Both
// sides read the model when they open the dictionary, so that a template says nothing of it, and nothing is learned while a record is coded: the tables
// are static, which is what makes short records cheap and decoding fast.
//
// docs/format.md, section 7, says each byte; docs/records.md what was measured.
package records

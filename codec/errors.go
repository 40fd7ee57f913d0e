package codec

import (
	"errors"
	"fmt"
)

// ErrTemplate is wrapped by every error that says that bytes are not a valid template.
var ErrTemplate = errors.New("not a valid template")

// ErrOption is wrapped by every error that says that an option has a value it cannot have.
var ErrOption = errors.New("invalid option")

// FormatError says where a template breaks the format. It wraps ErrTemplate.
type FormatError struct {
	Offset int64 // in the template, bytes
	Msg    string
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("%v: at byte %d: %s", ErrTemplate, e.Offset, e.Msg)
}

func (e *FormatError) Unwrap() error { return ErrTemplate }

// formatErrorf is used where the offset is known.
func formatErrorf(offset int64, format string, args ...any) error {
	return &FormatError{offset, fmt.Sprintf(format, args...)}
}

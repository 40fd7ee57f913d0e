package devchain

import (
	"context"
	stdlog "log"
	"log/slog"

	"github.com/ethereum/go-ethereum/log"
)

// setLog gives geth's process-wide logger to l, or to nobody. log.SetDefault would take over slog's default logger
// too, which is not ours to set.
func setLog(l *slog.Logger) {
	before, output, flags := slog.Default(), stdlog.Writer(), stdlog.Flags()
	if l == nil {
		log.SetDefault(log.NewLogger(slog.DiscardHandler))
	} else {
		log.SetDefault(log.NewLogger(debugHandler{l.Handler()}))
	}
	slog.SetDefault(before)
	stdlog.SetOutput(output) // slog.SetDefault turns the standard logger to slog as well
	stdlog.SetFlags(flags)
}

// debugHandler hands everything on at level debug: what a development chain finds worth a warning, its user does not.
type debugHandler struct{ slog.Handler }

func (h debugHandler) Enabled(ctx context.Context, level slog.Level) bool {
	// geth's trace lines stay away even from a debug log.
	return level >= slog.LevelDebug && h.Handler.Enabled(ctx, slog.LevelDebug)
}

func (h debugHandler) Handle(ctx context.Context, r slog.Record) error {
	r.Level = slog.LevelDebug
	return h.Handler.Handle(ctx, r)
}

func (h debugHandler) WithAttrs(a []slog.Attr) slog.Handler {
	return debugHandler{h.Handler.WithAttrs(a)}
}

func (h debugHandler) WithGroup(name string) slog.Handler {
	return debugHandler{h.Handler.WithGroup(name)}
}

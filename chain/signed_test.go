package chain

import (
	"time"
)

var farFuture = time.Unix(1<<40, 0)

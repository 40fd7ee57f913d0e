// Package retryafter reads when a server that has too much to do wants to be asked again (RFC 9110, section 10.2.3).
package retryafter

import (
	"net/http"
	"strconv"
	"time"
)

// Of returns how long the server of an answer of status 429 or 503 wants to be left alone; 0 if it does not say, or the answer is another.
func Of(resp *http.Response) time.Duration {
	if resp == nil || resp.StatusCode != http.StatusTooManyRequests && resp.StatusCode != http.StatusServiceUnavailable {
		return 0
	}
	text := resp.Header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}

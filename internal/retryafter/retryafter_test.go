package retryafter

import (
	"net/http"
	"testing"
	"time"
)

func TestOf(t *testing.T) {
	soon := time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)
	for _, test := range []struct {
		status int
		header string
		want   time.Duration
	}{
		{429, "", 0},
		{429, "7", 7 * time.Second},
		{503, "120", 2 * time.Minute},
		{503, "-1", 0},
		{503, "99999999999999999999", 0},
		{503, "soon", 0},
		{429, soon, time.Hour},
		{429, "Wed, 21 Oct 2015 07:28:00 GMT", 0},
		{200, "7", 0},
		{500, "7", 0},
	} {
		resp := &http.Response{StatusCode: test.status, Header: http.Header{"Retry-After": {test.header}}}
		if got := Of(resp); got > test.want || got < test.want-2*time.Second {
			t.Errorf("%d, %q: %v, want %v", test.status, test.header, got, test.want)
		}
	}
	if Of(nil) != 0 {
		t.Error("of nothing")
	}
}

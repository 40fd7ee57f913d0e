package serve

import (
	"net/http"
	"strconv"
	"time"

	"github.com/ipfs/go-cid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics are what Prometheus is told.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec   // by part and status
	seconds  *prometheus.HistogramVec // by part
	bytes    *prometheus.CounterVec   // by part
	running  prometheus.Gauge
	damaged  prometheus.Counter
}

func newMetrics(o Options) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "dictnet_http_requests_total", Help: "HTTP requests answered."}, []string{"part", "code"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "dictnet_http_request_seconds", Help: "How long HTTP requests took.",
			Buckets: []float64{.001, .005, .025, .1, .5, 2.5, 10, 60}}, []string{"part"}),
		bytes:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "dictnet_http_sent_bytes_total", Help: "Bytes of HTTP answers, without headers."}, []string{"part"}),
		running: prometheus.NewGauge(prometheus.GaugeOpts{Name: "dictnet_http_requests_running", Help: "HTTP requests that are being answered."}),
		damaged: prometheus.NewCounter(prometheus.CounterOpts{Name: "dictnet_store_damaged_total", Help: "Blocks that were found to be damaged when they were to be served."}),
	}
	m.registry.MustRegister(m.requests, m.seconds, m.bytes, m.running, m.damaged, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if o.Node != nil {
		for name, f := range map[string]struct {
			help  string
			value func(Node) float64
		}{
			"dictnet_bitswap_blocks_sent_total":     {"Blocks sent over libp2p, by bitswap and between nodes of dictnet.", func(n Node) float64 { return float64(n.BlocksSent) }},
			"dictnet_bitswap_sent_bytes_total":      {"Bytes of blocks sent over libp2p, by bitswap and between nodes of dictnet.", func(n Node) float64 { return float64(n.BytesSent) }},
			"dictnet_bitswap_blocks_received_total": {"Blocks received over libp2p, by bitswap and between nodes of dictnet.", func(n Node) float64 { return float64(n.BlocksReceived) }},
			"dictnet_bitswap_received_bytes_total":  {"Bytes of blocks received over libp2p, by bitswap and between nodes of dictnet.", func(n Node) float64 { return float64(n.BytesReceived) }},
		} {
			m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: f.help}, func() float64 { return f.value(o.Node()) }))
		}
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "dictnet_peers", Help: "Peers that the node is connected with."},
			func() float64 { return float64(len(o.Node().Peers)) }))
	}
	return m
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
}

// Damaged counts a block that was found to be damaged, as store.Options.Damaged tells.
func (s *Server) Damaged(cid.Cid) { s.metrics.damaged.Inc() }

// count measures the requests of one part.
func (m *metrics) count(part string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.running.Inc()
		defer m.running.Dec()
		begin := time.Now()
		c := &counted{ResponseWriter: w, code: http.StatusOK}
		defer func() {
			m.seconds.WithLabelValues(part).Observe(time.Since(begin).Seconds())
			m.requests.WithLabelValues(part, strconv.Itoa(c.code)).Inc()
			m.bytes.WithLabelValues(part).Add(float64(c.bytes))
		}()
		next.ServeHTTP(c, r)
	})
}

// counted notes the status and length of an answer.
type counted struct {
	http.ResponseWriter
	code  int
	bytes int64
	began bool
}

func (c *counted) WriteHeader(code int) {
	if !c.began && code >= 200 {
		c.began, c.code = true, code
	}
	c.ResponseWriter.WriteHeader(code)
}

func (c *counted) Write(b []byte) (int, error) {
	c.began = true
	n, err := c.ResponseWriter.Write(b)
	c.bytes += int64(n)
	return n, err
}

func (c *counted) Flush() { http.NewResponseController(c.ResponseWriter).Flush() }

func (c *counted) Unwrap() http.ResponseWriter { return c.ResponseWriter }

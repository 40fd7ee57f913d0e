package main

import (
	"fmt"
	"html"
	"math"
	"os"
	"path/filepath"
	"strings"
)

// figure is a drawing, in SVG.
type figure struct {
	strings.Builder
	width, height int
}

func newFigure(width, height int, title string) *figure {
	f := &figure{width: width, height: height}
	fmt.Fprintf(f, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", width, height, width, height)
	fmt.Fprintf(f, `<rect width="%d" height="%d" fill="white"/>`+"\n", width, height)
	f.text(float64(width)/2, 20, "middle", "#000", title)
	return f
}

func (f *figure) text(x, y float64, anchor, color, s string) {
	fmt.Fprintf(f, `<text x="%.1f" y="%.1f" text-anchor="%s" fill="%s">%s</text>`+"\n", x, y, anchor, color, html.EscapeString(s))
}

func (f *figure) line(x1, y1, x2, y2 float64, color string) {
	fmt.Fprintf(f, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s"/>`+"\n", x1, y1, x2, y2, color)
}

// rect draws a bar or a mark, with a text that shows when one points at it.
func (f *figure) rect(x, y, w, h float64, color, tip string) {
	fmt.Fprintf(f, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"><title>%s</title></rect>`+"\n", x, y, w, h, color, html.EscapeString(tip))
}

func (f *figure) dot(x, y, r float64, color, tip string) {
	fmt.Fprintf(f, `<circle cx="%.1f" cy="%.1f" r="%.1f" fill="%s" fill-opacity="0.8"><title>%s</title></circle>`+"\n", x, y, r, color, html.EscapeString(tip))
}

func (f *figure) save(name string) error {
	f.WriteString("</svg>\n")
	return os.WriteFile(name, []byte(f.String()), 0o666)
}

// axis maps values onto a stretch of the figure by their logarithms.
type axis struct {
	from, to float64 // coordinates of the ends
	low, top float64 // powers of ten
}

func newAxis(from, to float64, values []float64) axis {
	low, top := math.Inf(1), math.Inf(-1)
	for _, v := range values {
		if v > 0 {
			low, top = min(low, v), max(top, v)
		}
	}
	if math.IsInf(low, 1) {
		low, top = 1, 1
	}
	a := axis{from, to, math.Floor(math.Log10(low)), math.Ceil(math.Log10(top))}
	if a.low == a.top {
		a.top++
	}
	return a
}

func (a axis) at(v float64) float64 {
	return a.from + (a.to-a.from)*(math.Log10(max(v, math.Pow(10, a.low)))-a.low)/(a.top-a.low)
}

// ticks returns the powers of ten on the axis.
func (a axis) ticks() (v []float64) {
	for e := a.low; e <= a.top; e++ {
		v = append(v, math.Pow(10, e))
	}
	return v
}

// colors of the tools, by place; ours are the last three and warm.
var colors = []string{"#4477aa", "#66ccee", "#228833", "#aa3377", "#bbbbbb", "#555555", "#9999cc", "#aaaa55", "#77aadd", "#446666", "#99ddff", "#44bb99", "#997700"}
var ourColors = map[string]string{"dictnet fast": "#eecc66", "dictnet default": "#ee7733", "dictnet max": "#cc3311"}

func (d *document) color(name string) string {
	if c := ourColors[name]; c != "" {
		return c
	}
	for i, t := range d.tools {
		if t.name == name {
			return colors[i%len(colors)]
		}
	}
	return "#000"
}

// plots draws all figures.
func (d *document) plots(dir string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	speed := func(bytes int64, seconds float64) float64 { return float64(bytes) / max(seconds, 1e-3) / 1e6 }
	for _, p := range []struct {
		file, title, unit string
		value             func(m *measurement) float64
	}{
		{"size.svg", "The next release: bytes sent", "bytes", func(m *measurement) float64 { return float64(m.Sizes.Warm) }},
		{"decode.svg", "The next release: decode speed", "MB/s", func(m *measurement) float64 { return speed(m.Bytes, m.decodeWall()) }},
		{"memory.svg", "The next release: memory of encoding", "MiB", func(m *measurement) float64 { return m.encodeRSS() / (1 << 20) }},
	} {
		if err := d.bars(p.title, p.unit, p.value).save(filepath.Join(dir, p.file)); err != nil {
			return err
		}
	}
	return d.ratioAgainstSpeed(speed).save(filepath.Join(dir, "ratio-speed.svg"))
}

// bars draws a group of bars for each case of the next release, a bar for each tool.
func (d *document) bars(title, unit string, value func(*measurement) float64) *figure {
	tools := d.toolsOf(update)
	var list []testCase
	var values []float64
	for _, c := range ofKind(update) {
		if len(d.table[c.id]) == 0 {
			continue
		}
		list = append(list, c)
		for _, t := range tools {
			if m := d.table[c.id][t.name]; m != nil {
				values = append(values, value(m))
			}
		}
	}
	const bar, gap, left, top, plot = 8, 14, 70, 40, 320
	group := bar*len(tools) + gap
	f := newFigure(max(left+group*len(list)+20, 720), top+plot+150, title)
	y := newAxis(top+plot, top, values)
	f.scaleY(y, left, float64(f.width-20), unit)
	for i, c := range list {
		x0 := float64(left + i*group + gap/2)
		for j, t := range tools {
			m := d.table[c.id][t.name]
			if m == nil {
				continue
			}
			v := value(m)
			f.rect(x0+float64(j*bar), y.at(v), bar-1, y.from-y.at(v), d.color(t.name), fmt.Sprintf("%s, %s: %.4g %s", c.id, t.name, v, unit))
		}
		x := x0 + float64(group-gap)/2
		fmt.Fprintf(f, `<text transform="translate(%.1f %d) rotate(-30)" text-anchor="end">%s</text>`+"\n", x, top+plot+16, html.EscapeString(c.id))
	}
	d.legend(f, tools, top+plot+100)
	return f
}

// scaleY draws the lines and numbers of a vertical axis.
func (f *figure) scaleY(y axis, left, right float64, unit string) {
	f.text(left-6, y.to-8, "end", "#555", unit)
	for _, v := range y.ticks() {
		f.line(left, y.at(v), right, y.at(v), "#ddd")
		f.text(left-6, y.at(v)+4, "end", "#555", short(v))
	}
}

// ratioAgainstSpeed draws, for each tool, how many times smaller the next release became and how fast.
func (d *document) ratioAgainstSpeed(speed func(int64, float64) float64) *figure {
	tools := d.toolsOf(update)
	type point struct {
		x, y      float64
		tool, tip string
		mean      bool
	}
	var points []point
	var xs, ys []float64
	for _, t := range tools {
		var px, py []float64
		for _, c := range ofKind(update) {
			m := d.table[c.id][t.name]
			if m == nil {
				continue
			}
			x, y := speed(m.Bytes, m.encodeWall()), float64(m.Bytes)/float64(max(m.Sizes.Warm, 1))
			px, py = append(px, x), append(py, y)
			points = append(points, point{x, y, t.name, fmt.Sprintf("%s, %s: %.4g times smaller at %.4g MB/s", t.name, c.id, y, x), false})
		}
		x, y := geometricMean(px), geometricMean(py)
		points = append(points, point{x, y, t.name, fmt.Sprintf("%s, geometric mean: %.4g times smaller at %.4g MB/s", t.name, y, x), true})
		xs, ys = append(xs, px...), append(ys, py...)
	}
	const left, top, width, height = 70, 40, 680, 400
	f := newFigure(left+width+20, top+height+120, "The next release: times smaller, against encode speed (large dots: geometric means)")
	x, y := newAxis(left, left+width, xs), newAxis(top+height, top, ys)
	f.scaleY(y, left, left+width, "ratio")
	for _, v := range x.ticks() {
		f.line(x.at(v), top, x.at(v), top+height, "#ddd")
		f.text(x.at(v), top+height+16, "middle", "#555", short(v))
	}
	f.text(left+width, top+height+32, "end", "#555", "MB/s")
	for _, p := range points {
		r := 3.0
		if p.mean {
			r = 8
		}
		f.dot(x.at(p.x), y.at(p.y), r, d.color(p.tool), p.tip)
	}
	d.legend(f, tools, top+height+60)
	return f
}

func (d *document) legend(f *figure, tools []tool, y float64) {
	x := 70.0
	for _, t := range tools {
		w := 26 + 7*float64(len(t.name))
		if x+w > float64(f.width) {
			x, y = 70, y+20
		}
		f.rect(x, y-10, 10, 10, d.color(t.name), t.name)
		f.text(x+14, y, "start", "#000", t.name)
		x += w
	}
}

// short writes a power of ten as people read it.
func short(v float64) string {
	for _, u := range []struct {
		n float64
		s string
	}{{1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if v >= u.n {
			return fmt.Sprintf("%g%s", v/u.n, u.s)
		}
	}
	return fmt.Sprintf("%g", v)
}

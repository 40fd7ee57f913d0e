package sequitur

import "slices"

// symbol is a symbol of the result.
type symbol struct {
	name  uint32
	depth int // 0 of a terminal
}

// piece is a part of what a rule stands for: a symbol of the result, or, if flat is not 0, all pieces of that rule.
type piece struct {
	symbol
	flat int32
}

// shape is what became of a rule: a symbol, or pieces if that would nest too deep, or is used only once.
type shape struct {
	done   bool
	symbol symbol
	pieces []piece
}

// Finish returns the grammar with rules of two symbols each, none deeper than maxDepth (>= 1). The Grammar is of no further use.
func (g *Grammar) Finish(maxDepth int) (out []uint32, rules []Rule) {
	b := binary{Grammar: g, maxDepth: max(maxDepth, 1), shapes: make([]shape, len(g.rules))}
	sequence := append(g.final, g.symbolsOf(g.rules[0].guard)...)
	for _, s := range sequence {
		if s >= g.terminals {
			b.shape(int32(s - g.terminals))
		}
	}
	for _, s := range sequence {
		out = b.play(out, s)
	}
	return out, b.rules
}

// binary makes rules of two symbols of rules of any length.
type binary struct {
	*Grammar
	maxDepth int
	rules    []Rule
	depth    []int // of each of rules
	shapes   []shape
}

// body returns the symbols of a rule, final or live.
func (b *binary) body(r int32) []uint32 {
	if x := &b.Grammar.rules[r]; x.guard == none {
		return x.body
	}
	return b.symbolsOf(b.Grammar.rules[r].guard)
}

// shape finds what becomes of rule r, and before that of all rules below it.
func (b *binary) shape(r int32) {
	type visit struct {
		rule int32
		body []uint32
		at   int // the next symbol to be looked at
	}
	if b.shapes[r].done {
		return
	}
	path := []visit{{rule: r, body: b.body(r)}}
	for len(path) > 0 {
		v := &path[len(path)-1]
		if v.at < len(v.body) {
			s := v.body[v.at]
			v.at++
			if s >= b.terminals && !b.shapes[s-b.terminals].done {
				u := int32(s - b.terminals)
				path = append(path, visit{rule: u, body: b.body(u)})
			}
			continue
		}
		top := len(path) == 1 // it stands in the sequence
		b.shapes[v.rule] = b.join(v.body, top && b.Grammar.rules[v.rule].uses < 2)
		path = path[:len(path)-1]
	}
}

// join makes one symbol of a body whose rules have shapes, or as few as maxDepth allows; or none at all if it is used once.
func (b *binary) join(body []uint32, once bool) shape {
	s := shape{done: true}
	var run []symbol
	end := func() {
		if !once {
			run = b.balance(run)
		}
		for _, x := range run {
			s.pieces = append(s.pieces, piece{symbol: x})
		}
		run = run[:0]
	}
	for _, v := range body {
		if v < b.terminals {
			run = append(run, symbol{v, 0})
			continue
		}
		u := int32(v - b.terminals)
		if b.shapes[u].pieces == nil {
			run = append(run, b.shapes[u].symbol)
			continue
		}
		end()
		s.pieces = append(s.pieces, piece{flat: u})
	}
	end()
	if len(s.pieces) == 1 && s.pieces[0].flat == 0 {
		s.symbol, s.pieces = s.pieces[0].symbol, nil
	}
	return s
}

// mostSplit is how many symbols balance tries to join at the most.
const mostSplit = 256

// balance is reduce, but where that leaves more than one symbol it takes the deepest ones apart again and tries once more, as
// chains of rules need it. If nothing helps, the run is left as reduce leaves it.
func (b *binary) balance(run []symbol) []symbol {
	known := len(b.rules)
	for try := run; len(try) <= mostSplit; {
		if one := b.reduce(slices.Clone(try)); len(one) == 1 {
			return one
		}
		b.rules, b.depth = b.rules[:known], b.depth[:known]
		deepest := 0
		for _, x := range try {
			deepest = max(deepest, x.depth)
		}
		if deepest == 0 {
			break
		}
		var apart []symbol
		for _, x := range try {
			if x.depth < deepest {
				apart = append(apart, x)
				continue
			}
			r := b.rules[x.name-b.terminals]
			apart = append(apart, b.named(r.Left), b.named(r.Right))
		}
		try = apart
	}
	return b.reduce(run)
}

func (b *binary) named(s uint32) symbol {
	if s < b.terminals {
		return symbol{s, 0}
	}
	return symbol{s, b.depth[s-b.terminals]}
}

// reduce joins neighbours, the least deep first, until one symbol is left or all would be too deep.
func (b *binary) reduce(run []symbol) []symbol {
	for len(run) > 1 {
		level := b.maxDepth
		for i := range run[1:] {
			level = min(level, max(run[i].depth, run[i+1].depth))
		}
		if level == b.maxDepth {
			break
		}
		kept := run[:0]
		for i := 0; i < len(run); i++ {
			x := run[i]
			if i+1 < len(run) && max(x.depth, run[i+1].depth) <= level {
				y := run[i+1]
				x = symbol{b.terminals + uint32(len(b.rules)), 1 + max(x.depth, y.depth)}
				b.rules = append(b.rules, Rule{Left: run[i].name, Right: y.name})
				b.depth = append(b.depth, x.depth)
				i++
			}
			kept = append(kept, x)
		}
		run = kept
	}
	return run
}

// play appends what a symbol of the sequence is in the result.
func (b *binary) play(out []uint32, s uint32) []uint32 {
	if s < b.terminals {
		return append(out, s)
	}
	todo := []piece{{flat: int32(s - b.terminals)}}
	for len(todo) > 0 {
		p := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		switch x := &b.shapes[p.flat]; {
		case p.flat == 0:
			out = append(out, p.name)
		case x.pieces == nil:
			out = append(out, x.symbol.name)
		default:
			for i := len(x.pieces) - 1; i >= 0; i-- {
				todo = append(todo, x.pieces[i])
			}
		}
	}
	return out
}

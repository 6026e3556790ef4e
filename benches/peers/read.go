package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/anishathalye/porcupine"
)

type history struct {
	model  porcupine.Model
	events []porcupine.Event
}

// One op as it is written.
type op struct {
	process, kind, f, key, value string
}

// Pairs calls with their ends.
type pairing struct {
	events []porcupine.Event
	open   map[string]int
	calls  map[int]input
	failed map[int]bool
	next   int
}

func read(path string) (history, error) {
	file, err := os.Open(path)
	if err != nil {
		return history{}, err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(make([]byte, 1<<20), 1<<26)
	pairs := pairing{open: map[string]int{}, calls: map[int]input{}, failed: map[int]bool{}}
	log, texts := false, false
	for number := 1; lines.Scan(); number++ {
		one, isLog, ok := parse(lines.Text())
		if !ok {
			continue
		}
		log = log || isLog
		texts = texts || one.f == "append" || one.f == "get" || one.f == "put"
		if err := pairs.add(one); err != nil {
			return history{}, fmt.Errorf("line %d: %w", number, err)
		}
	}
	if err := lines.Err(); err != nil {
		return history{}, err
	}
	model := register(value{set: true}, false)
	switch {
	case texts:
		model = text()
	case log:
		model = register(value{}, true)
	}
	return history{model, pairs.finish()}, nil
}

func (p *pairing) add(o op) error {
	if o.kind == "invoke" {
		call, err := o.call()
		if err != nil {
			return err
		}
		p.open[o.process] = p.next
		p.calls[p.next] = call
		p.events = append(p.events, porcupine.Event{Kind: porcupine.CallEvent, Value: call, Id: p.next})
		p.next++
		return nil
	}
	id, open := p.open[o.process]
	if !open {
		return errors.New("an end without a call")
	}
	switch o.kind {
	case "ok":
		ret, err := o.result()
		if err != nil {
			return err
		}
		p.events = append(p.events, porcupine.Event{Kind: porcupine.ReturnEvent, Value: ret, Id: id})
		delete(p.open, o.process)
	case "fail":
		p.failed[id] = true
		delete(p.open, o.process)
	}
	return nil
}

// Without failed calls, and with those that are still open returning last.
func (p *pairing) finish() []porcupine.Event {
	kept := p.events[:0]
	ended := map[int]bool{}
	for _, event := range p.events {
		if !p.failed[event.Id] {
			kept = append(kept, event)
			ended[event.Id] = ended[event.Id] || event.Kind == porcupine.ReturnEvent
		}
	}
	for id := 0; id < p.next; id++ {
		if !p.failed[id] && !ended[id] {
			kept = append(kept, porcupine.Event{Kind: porcupine.ReturnEvent, Value: output{lost: true}, Id: id})
		}
	}
	return kept
}

func (o op) call() (input, error) {
	call := input{key: o.key, f: o.f}
	var err error
	switch o.f {
	case "read", "get":
	case "write", "put", "append":
		call.a, err = scalar(o.value)
	case "cas":
		var pair [2]string
		if pair, err = two(o.value); err == nil {
			call.a, err = scalar(pair[0])
		}
		if err == nil {
			call.b, err = scalar(pair[1])
		}
	default:
		err = fmt.Errorf("no function %q", o.f)
	}
	return call, err
}

func (o op) result() (output, error) {
	if o.f != "read" && o.f != "get" {
		return output{}, nil
	}
	read, err := scalar(o.value)
	return output{read: read}, err
}

func scalar(text string) (value, error) {
	if text == "nil" || text == "" {
		return value{}, nil
	}
	if unquoted, err := strconv.Unquote(text); err == nil {
		return value{set: true, text: unquoted}, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return value{set: true, n: n}, err
}

// The halves of [a b], of which the second may be a pair.
func two(text string) ([2]string, error) {
	inside := strings.TrimSuffix(strings.TrimPrefix(text, "["), "]")
	first, second, found := strings.Cut(inside, " ")
	if !found || inside == text {
		return [2]string{}, fmt.Errorf("%q is no pair", text)
	}
	return [2]string{first, strings.TrimSpace(second)}, nil
}

// A line of EDN or of a log; whether it is one, and of which.
func parse(line string) (one op, log, ok bool) {
	if strings.HasPrefix(line, "{") {
		one = op{
			process: field(line, ":process "),
			kind:    strings.TrimPrefix(field(line, ":type "), ":"),
			f:       strings.TrimPrefix(field(line, ":f "), ":"),
			key:     field(line, ":key "),
			value:   field(line, ":value "),
		}
		// A key within the value: [k v], or [k [from to]].
		pair, err := two(one.value)
		if err == nil && (one.f != "cas" || strings.HasPrefix(pair[1], "[")) {
			one.key, one.value = pair[0], pair[1]
		}
		return one, false, true
	}
	_, columns, found := strings.Cut(line, "jepsen.util - ")
	words := strings.Split(columns, "\t")
	if !found || len(words) < 4 || !strings.HasPrefix(words[1], ":") || !strings.HasPrefix(words[2], ":") {
		return op{}, false, false
	}
	return op{process: words[0], kind: words[1][1:], f: words[2][1:], value: words[3]}, true, true
}

// What follows a name, up to the comma or brace that ends it.
func field(line, name string) string {
	at := strings.Index(line, name)
	if at < 0 {
		return ""
	}
	rest := line[at+len(name):]
	depth, quoted := 0, false
	for i := 0; i < len(rest); i++ {
		switch c := rest[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[':
			depth++
		case c == ']':
			depth--
		case depth == 0 && (c == ',' || c == '}'):
			return rest[:i]
		}
	}
	return rest
}

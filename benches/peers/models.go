package main

import (
	"hash/maphash"

	"github.com/anishathalye/porcupine"
)

var seed = maphash.MakeSeed()

// A call of a register, or of a store of strings by key.
type input struct {
	key  string
	f    string
	a, b value
}

// A number, a string, or nothing.
type value struct {
	set  bool
	n    int64
	text string
}

type output struct {
	// Whether the outcome is unknown.
	lost bool
	read value
}

// What a register does: read, write, cas.
func register(initial value, nilIsValue bool) porcupine.Model {
	return porcupine.Model{
		PartitionEvent: byKey,
		Init:           func() interface{} { return initial },
		Hash: func(state interface{}) uint64 {
			held := state.(value)
			if !held.set {
				return 1
			}
			return uint64(held.n) * 0x9e3779b97f4a7c15
		},
		Step: func(state, in, out interface{}) (bool, interface{}) {
			held, call, ret := state.(value), in.(input), out.(output)
			switch call.f {
			case "read":
				silent := ret.lost || !ret.read.set && !nilIsValue
				return silent || ret.read == held, held
			case "write":
				return true, call.a
			default:
				if held == call.a {
					return true, call.b
				}
				return ret.lost, held
			}
		},
	}
}

// What a string under a key does: get, put, append.
func text() porcupine.Model {
	return porcupine.Model{
		PartitionEvent: byKey,
		Init:           func() interface{} { return "" },
		Hash:           func(state interface{}) uint64 { return maphash.String(seed, state.(string)) },
		Step: func(state, in, out interface{}) (bool, interface{}) {
			held, call, ret := state.(string), in.(input), out.(output)
			switch call.f {
			case "get":
				return ret.lost || ret.read.text == held, held
			case "put":
				return true, call.a.text
			default:
				return true, held + call.a.text
			}
		},
	}
}

func byKey(events []porcupine.Event) [][]porcupine.Event {
	var parts [][]porcupine.Event
	part := map[string]int{}
	keys := map[int]string{}
	for _, event := range events {
		if event.Kind == porcupine.CallEvent {
			keys[event.Id] = event.Value.(input).key
		}
		key := keys[event.Id]
		at, known := part[key]
		if !known {
			at = len(parts)
			part[key] = at
			parts = append(parts, nil)
		}
		parts[at] = append(parts[at], event)
	}
	return parts
}

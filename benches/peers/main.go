// Command peers judges histories of registers with Porcupine, as `schism check` does with its own engines, and says what
// that took. It is here to be measured against, see ./run.
//
//	peers [-timeout 60s] FILE...
//
// Files are Jepsen's EDN, an op map per line, with values or [key value] pairs; Porcupine's key-value histories, with the
// key under :key; or Jepsen's log. Of each it prints a line: file, verdict, seconds to read, seconds to judge, peak
// resident memory of this process so far in MB.
//
// The meaning of a history is that which schism gives it: failed calls did not happen; lost ones may happen at any later
// moment, so they return at the end; registers hold 0 at first and a read of nil says nothing, in EDN; in logs they hold
// nothing at first, and nil is that.
package main

import (
	"flag"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/anishathalye/porcupine"
)

func main() {
	timeout := flag.Duration("timeout", time.Minute, "how long one file may be judged")
	flag.Parse()
	for _, path := range flag.Args() {
		began := time.Now()
		history, err := read(path)
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", path, err)
			os.Exit(2)
		}
		took := time.Since(began)
		began = time.Now()
		result := porcupine.CheckEventsTimeout(history.model, history.events, *timeout)
		fmt.Printf("%s\t%s\t%.3f\t%.3f\t%d\n", path, word(result), took.Seconds(), time.Since(began).Seconds(), peak()>>20)
	}
}

func word(result porcupine.CheckResult) string {
	switch result {
	case porcupine.Ok:
		return "pass"
	case porcupine.Illegal:
		return "fail"
	default:
		return "unknown"
	}
}

func peak() int64 {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	return usage.Maxrss << 10
}

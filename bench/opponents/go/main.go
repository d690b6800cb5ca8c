// SPDX-License-Identifier: BSD-2-Clause

// Goroutines as an opponent of `heddle bench`: one line asks, one round answers
// (bench/README.md). No module but the standard library, and no go.mod, so that the
// compiler alone is enough.
//
// There is no pool: a task is a `go` statement, GOMAXPROCS is the number of workers, and
// who submits is a goroutine as well, on one of them. Goroutines have neither a futex nor
// a line of their own: tasks add to one shared atomic counter, and who waits does so at a
// channel.
package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
)

const (
	missedStatus = 1
	badUsage     = 2
	absentStatus = 77
)

const (
	name    = "go"
	program = "heddle-go-opponent"
)

var workloads = map[string]func() workload{
	"W1":  newFromOutside,
	"W2":  newFromInside,
	"W3":  newForkJoin,
	"W4":  newWake,
	"W4j": newRoundTrip,
	"W5":  newBurst,
	"W6":  newStartAndStop,
	"W7":  newGuests,
	"W10": newIdle,
	"W11": newEither,
}

const listed = "W1,W2,W3,W4,W4j,W5,W6,W7,W10,W11"

// What is measured: made warm, asked once for each "go".
type workload interface {
	round() string
}

func end(status int, what string) {
	fmt.Fprintf(os.Stderr, "%s: %s\n", program, what)
	os.Exit(status)
}

// missed says why a round went wrong, and ends.
func missed(what string) {
	end(missedStatus, what)
}

var values = map[string]string{}

func parse(words []string) {
	for i := 0; i < len(words); i += 2 {
		if !strings.HasPrefix(words[i], "--") || len(words[i]) < 3 {
			end(badUsage, "unknown argument '"+words[i]+"'")
		}
		if i+1 == len(words) {
			end(badUsage, words[i]+" needs a value")
		}
		values[words[i][2:]] = words[i+1]
	}
}

func text(key, standard string) string {
	if word, is := values[key]; is {
		return word
	}
	return standard
}

// number is a value from 1 on.
func number(key string, standard int) int {
	word, is := values[key]
	if !is {
		return standard
	}
	value, err := strconv.Atoi(word)
	if err != nil || value < 1 {
		end(badUsage, "--"+key+": '"+word+"' is no number from 1 on")
	}
	return value
}

func version() string {
	return strings.ReplaceAll(runtime.Version(), " ", "-")
}

func pair(key string, value float64) string {
	return fmt.Sprintf("%s=%.3f", key, value)
}

func answer() {
	id := text("workload", "")

	if text("peer", "") != name {
		end(badUsage, "--peer: unknown '"+text("peer", "")+"'")
	}
	begin, is := workloads[id]
	if !is {
		fmt.Printf("absent %s is not for %s\n", id, name)
		os.Exit(absentStatus)
	}
	runtime.GOMAXPROCS(number("workers", 2))
	measured := begin()

	fmt.Printf("ready version=%s\n", version())
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		if in.Text() != "go" {
			end(badUsage, "standard input: '"+in.Text()+"' is not 'go'")
		}
		fmt.Printf("round %s\n", measured.round())
	}
	fmt.Println("end")
}

func main() {
	command := ""
	if len(os.Args) > 1 {
		command = os.Args[1]
	}
	switch {
	case command == "bench-list" && len(os.Args) == 2:
		fmt.Printf("peer %s version=%s workloads=%s\n", name, version(), listed)
	case command == "bench-peer":
		parse(os.Args[2:])
		answer()
	default:
		end(badUsage, "the command is bench-peer or bench-list, not '"+command+"'")
	}
}

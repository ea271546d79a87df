// The load generator of the benchmark: it sends OTLP/gRPC requests to one address, keeps a fixed number of calls open,
// and prints one JSON report. The bytes of a request are made once; what changes from one request to the next is its
// number, which stands in the trace id of every item.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
)

type options struct {
	address     string
	signal      string
	items       int
	resources   int
	first       uint64
	requests    uint64
	open        int
	connections int
	timeout     time.Duration
	limit       time.Duration
}

// report is what is printed. Requests have the numbers First to First+Sent-1; those in Failed were not acknowledged.
type report struct {
	First        uint64         `json:"first"`
	Sent         uint64         `json:"sent"`
	Failed       []uint64       `json:"failed"`
	Errors       map[string]int `json:"errors"`
	Bytes        int            `json:"bytes"`
	Seconds      float64        `json:"seconds"`
	Microseconds []int64        `json:"microseconds"`
}

// rawCodec sends and receives bytes as they are.
type rawCodec struct{}

func (rawCodec) Marshal(message any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(message.([]byte))}, nil
}

func (rawCodec) Unmarshal(data mem.BufferSlice, message any) error {
	*message.(*[]byte) = data.Materialize()
	return nil
}

func (rawCodec) Name() string { return "proto" }

// outcome is what one sender has seen.
type outcome struct {
	failed       []uint64
	errors       map[string]int
	microseconds []int64
}

func main() {
	found, err := load(parsed())
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(found)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func parsed() options {
	var given options
	flag.StringVar(&given.address, "address", "", "host:port of the OTLP/gRPC server")
	flag.StringVar(&given.signal, "signal", "traces", "traces or logs")
	flag.IntVar(&given.items, "items", 1, "spans or log records in a request")
	flag.IntVar(&given.resources, "resources", 1, "resources that the items of a request are spread over")
	flag.Uint64Var(&given.first, "first", 0, "number of the first request")
	flag.Uint64Var(&given.requests, "requests", 1, "how many requests are sent")
	flag.IntVar(&given.open, "open", 1, "how many calls are open at one time")
	flag.IntVar(&given.connections, "connections", 1, "how many connections the calls are spread over")
	flag.DurationVar(&given.timeout, "timeout", 30*time.Second, "deadline of each call")
	flag.DurationVar(&given.limit, "limit", time.Minute, "no request is sent after this time")
	flag.Parse()
	return given
}

func load(given options) (report, error) {
	of, known := signals[given.signal]
	if !known {
		return report{}, fmt.Errorf("there is no signal %q", given.signal)
	}
	made, err := newPayload(of, given.items, given.resources)
	if err != nil {
		return report{}, err
	}
	connections, err := connect(given)
	if err != nil {
		return report{}, err
	}
	var next atomic.Uint64
	outcomes := make([]outcome, given.open)
	started := time.Now()
	var senders sync.WaitGroup
	for index := range outcomes {
		senders.Go(func() {
			connection := connections[index%len(connections)]
			outcomes[index] = send(connection, of, made, given, &next, started.Add(given.limit))
		})
	}
	senders.Wait()
	found := report{First: given.first, Bytes: len(made.bytes), Seconds: time.Since(started).Seconds()}
	found.collect(outcomes)
	return found, nil
}

func connect(given options) ([]*grpc.ClientConn, error) {
	var made []*grpc.ClientConn
	for range given.connections {
		connection, err := grpc.NewClient("passthrough:///"+given.address,
			grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithDefaultCallOptions(grpc.ForceCodecV2(rawCodec{})))
		if err != nil {
			return nil, err
		}
		made = append(made, connection)
	}
	return made, nil
}

// send sends one request after the other until all have been taken or the time is over.
func send(
	connection *grpc.ClientConn, of signal, made payload, given options, next *atomic.Uint64, until time.Time,
) outcome {
	seen := outcome{errors: map[string]int{}}
	own := made.copied()
	for time.Now().Before(until) {
		taken := next.Add(1) - 1
		if taken >= given.requests {
			break
		}
		number := given.first + taken
		own.stamp(number)
		before := time.Now()
		err := call(connection, of, own.bytes, given.timeout)
		seen.microseconds = append(seen.microseconds, time.Since(before).Microseconds())
		if err != nil {
			seen.failed = append(seen.failed, number)
			seen.errors[fmt.Sprintf("%s: %s", status.Code(err), status.Convert(err).Message())]++
			own = made.copied() // the connection may still hold the bytes of a call that has ended early
		}
	}
	return seen
}

func call(connection *grpc.ClientConn, of signal, request []byte, timeout time.Duration) error {
	deadline, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	var answer []byte
	if err := connection.Invoke(deadline, of.method, request, &answer); err != nil {
		return err
	}
	rejected, err := of.rejected(answer)
	if err == nil && rejected != 0 {
		err = fmt.Errorf("%d items were rejected", rejected)
	}
	return err
}

func (found *report) collect(outcomes []outcome) {
	found.Failed, found.Errors, found.Microseconds = []uint64{}, map[string]int{}, []int64{}
	for _, seen := range outcomes {
		found.Sent += uint64(len(seen.microseconds))
		found.Failed = append(found.Failed, seen.failed...)
		found.Microseconds = append(found.Microseconds, seen.microseconds...)
		for sentence, count := range seen.errors {
			found.Errors[sentence] += count
		}
	}
}

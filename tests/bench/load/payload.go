package main

import (
	"bytes"
	"encoding/binary"
	"fmt"

	collectorlogs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	collectortrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	logs "go.opentelemetry.io/proto/otlp/logs/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// The first half of every trace id tells an item of this program from any other; the second half is the number of the
// request, big-endian. Until a request is sent, the second half is blank.
const marker, blank = "benchmrk", "\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8"

const startNanoseconds = 1_700_000_000_000_000_000

// signal is what the two services have in common for this program.
type signal struct {
	method   string
	request  func(items, resources int) proto.Message
	rejected func(answer []byte) (int64, error)
}

var signals = map[string]signal{
	"traces": {
		method:  "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
		request: func(items, resources int) proto.Message { return traceRequest(items, resources) },
		rejected: func(answer []byte) (int64, error) {
			var message collectortrace.ExportTraceServiceResponse
			err := proto.Unmarshal(answer, &message)
			return message.GetPartialSuccess().GetRejectedSpans(), err
		},
	},
	"logs": {
		method:  "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
		request: func(items, resources int) proto.Message { return logsRequest(items, resources) },
		rejected: func(answer []byte) (int64, error) {
			var message collectorlogs.ExportLogsServiceResponse
			err := proto.Unmarshal(answer, &message)
			return message.GetPartialSuccess().GetRejectedLogRecords(), err
		},
	},
}

// payload is one serialised request and the places in it that take the request's number.
type payload struct {
	bytes   []byte
	offsets []int
}

// newPayload makes the bytes of a request, once. The items are spread evenly over the resources.
func newPayload(of signal, items, resources int) (payload, error) {
	content, err := proto.Marshal(of.request(items, resources))
	if err != nil {
		return payload{}, err
	}
	made := payload{bytes: content}
	wanted := []byte(marker + blank)
	for start := 0; ; {
		found := bytes.Index(content[start:], wanted)
		if found < 0 {
			break
		}
		made.offsets = append(made.offsets, start+found+len(marker))
		start += found + len(wanted)
	}
	if len(made.offsets) != items {
		return payload{}, fmt.Errorf("the request has %d trace ids for %d items", len(made.offsets), items)
	}
	return made, nil
}

// copied is for one sender, which writes its numbers into it.
func (from payload) copied() payload {
	return payload{bytes: bytes.Clone(from.bytes), offsets: from.offsets}
}

// stamp writes the number of a request into each of its items.
func (into payload) stamp(number uint64) {
	for _, offset := range into.offsets {
		binary.BigEndian.PutUint64(into.bytes[offset:], number)
	}
}

func traceRequest(items, resources int) *collectortrace.ExportTraceServiceRequest {
	request := &collectortrace.ExportTraceServiceRequest{}
	for number := range resources {
		scope := &trace.ScopeSpans{Scope: &common.InstrumentationScope{Name: "load", Version: "1"}}
		for index := range share(items, resources, number) {
			scope.Spans = append(scope.Spans, span(index))
		}
		request.ResourceSpans = append(request.ResourceSpans,
			&trace.ResourceSpans{Resource: service(number), ScopeSpans: []*trace.ScopeSpans{scope}})
	}
	return request
}

func logsRequest(items, resources int) *collectorlogs.ExportLogsServiceRequest {
	request := &collectorlogs.ExportLogsServiceRequest{}
	for number := range resources {
		scope := &logs.ScopeLogs{Scope: &common.InstrumentationScope{Name: "load", Version: "1"}}
		for index := range share(items, resources, number) {
			scope.LogRecords = append(scope.LogRecords, logRecord(index))
		}
		request.ResourceLogs = append(request.ResourceLogs,
			&logs.ResourceLogs{Resource: service(number), ScopeLogs: []*logs.ScopeLogs{scope}})
	}
	return request
}

func share(items, resources, number int) int {
	return items*(number+1)/resources - items*number/resources
}

func service(number int) *resource.Resource {
	return &resource.Resource{Attributes: []*common.KeyValue{
		text("service.name", fmt.Sprintf("service-%03d", number)),
		text("service.namespace", "shop"),
		text("service.version", "1.42.7"),
		text("host.name", fmt.Sprintf("node-%03d", number)),
		text("k8s.pod.name", fmt.Sprintf("service-%03d-5d4b7c9f6-x2x7q", number)),
	}}
}

func span(index int) *trace.Span {
	return &trace.Span{
		TraceId:           []byte(marker + blank),
		SpanId:            spanID(index),
		ParentSpanId:      spanID(index + 1),
		Name:              "GET /api/carts/{id}",
		Kind:              trace.Span_SPAN_KIND_SERVER,
		StartTimeUnixNano: uint64(startNanoseconds + index*1000),
		EndTimeUnixNano:   uint64(startNanoseconds + index*1000 + 7_310_000),
		Attributes: []*common.KeyValue{
			text("http.request.method", "GET"),
			text("http.route", "/api/carts/{id}"),
			number("http.response.status_code", 200),
			text("url.path", fmt.Sprintf("/api/carts/%06d", index)),
			number("server.port", 8443),
		},
	}
}

func logRecord(index int) *logs.LogRecord {
	return &logs.LogRecord{
		TimeUnixNano:         uint64(startNanoseconds + index*1000),
		ObservedTimeUnixNano: uint64(startNanoseconds + index*1000 + 500),
		SeverityNumber:       logs.SeverityNumber_SEVERITY_NUMBER_INFO,
		SeverityText:         "INFO",
		Body:                 textValue(fmt.Sprintf("cart %06d was read by customer %04d in 7 ms", index, index%1000)),
		Attributes: []*common.KeyValue{
			text("http.request.method", "GET"),
			text("http.route", "/api/carts/{id}"),
			number("http.response.status_code", 200),
			text("thread.name", fmt.Sprintf("worker-%02d", index%16)),
		},
		TraceId: []byte(marker + blank),
		SpanId:  spanID(index),
	}
}

func spanID(index int) []byte {
	return binary.BigEndian.AppendUint64(nil, uint64(index)+1)
}

func text(key, value string) *common.KeyValue {
	return &common.KeyValue{Key: key, Value: textValue(value)}
}

func textValue(value string) *common.AnyValue {
	return &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: value}}
}

func number(key string, value int64) *common.KeyValue {
	return &common.KeyValue{Key: key, Value: &common.AnyValue{Value: &common.AnyValue_IntValue{IntValue: value}}}
}

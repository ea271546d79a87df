"""One OTLP/JSON document of each signal, and the same request built by hand from protobuf's messages.

They have the form of the examples in the OTLP specification, and every kind of field that a request of their signal has.
"""

from __future__ import annotations

from collections.abc import Mapping

from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    Exemplar,
    ExponentialHistogram,
    ExponentialHistogramDataPoint,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    Sum,
    Summary,
    SummaryDataPoint,
)

from kafka_otlp_exporter.otlp.signals import Signal

TRACE_ID, SPAN_ID, PARENT_ID = "7d3f00112233445566778899aabbccdd", "eee19b7ec3c1b174", "00f067aa0ba902b7"
BEGIN, END = 1_795_000_000_123_456_789, 1_795_000_000_987_654_321

TRACES = """{
  "resourceSpans": [
    {
      "resource": {
        "attributes": [{"key": "service.name", "value": {"stringValue": "basket"}}],
        "droppedAttributesCount": 1,
        "entityRefs": [{"type": "service", "idKeys": ["service.name", ""], "descriptionKeys": ["service.version"]}]
      },
      "scopeSpans": [
        {
          "scope": {"name": "shop.http", "version": "2.1", "attributes": [{"key": "beta", "value": {"boolValue": false}}]},
          "spans": [
            {
              "traceId": "7d3f00112233445566778899aabbccdd",
              "spanId": "eee19b7ec3c1b174",
              "traceState": "vendor=1",
              "parentSpanId": "00f067aa0ba902b7",
              "flags": 257,
              "name": "PUT /basket",
              "kind": 2,
              "startTimeUnixNano": "1795000000123456789",
              "endTimeUnixNano": "1795000000987654321",
              "attributes": [
                {"key": "http.response.status_code", "value": {"intValue": "201"}},
                {"key": "load", "value": {"doubleValue": 0.75}},
                {"key": "raw", "value": {"bytesValue": "3q2+7w=="}},
                {"key": "mixed", "value": {"arrayValue": {"values": [{"stringValue": ""}, {"intValue": "-1"}, {}]}}},
                {"key": "map", "value": {"kvlistValue": {"values": [{"key": "on", "value": {"boolValue": true}}]}}}
              ],
              "droppedAttributesCount": 4294967295,
              "events": [
                {"timeUnixNano": "1795000000123456789", "name": "retry", "attributes": [{"key": "nothing"}],
                 "droppedAttributesCount": 2}
              ],
              "droppedEventsCount": 3,
              "links": [
                {"traceId": "7d3f00112233445566778899aabbccdd", "spanId": "00f067aa0ba902b7", "traceState": "a=b",
                 "attributes": [{"key": "nothing"}], "droppedAttributesCount": 5, "flags": 1}
              ],
              "droppedLinksCount": 4,
              "status": {"message": "gave up", "code": 2}
            }
          ],
          "schemaUrl": "https://example.org/scope"
        }
      ],
      "schemaUrl": "https://example.org/resource"
    }
  ]
}"""

METRICS = """{
  "resourceMetrics": [
    {
      "resource": {},
      "scopeMetrics": [
        {
          "scope": {"name": "shop.stock"},
          "metrics": [
            {
              "name": "stock", "unit": "{piece}", "description": "what is there",
              "gauge": {"dataPoints": [
                {"timeUnixNano": "1795000000123456789", "asInt": "0"},
                {"timeUnixNano": "1795000000123456789", "asDouble": "NaN", "flags": 1}
              ]},
              "metadata": [{"key": "origin", "value": {"stringValue": "till"}}]
            },
            {
              "name": "sold",
              "sum": {
                "aggregationTemporality": 2, "isMonotonic": true,
                "dataPoints": [
                  {
                    "startTimeUnixNano": "1795000000123456789", "timeUnixNano": "1795000000987654321", "asInt": "12",
                    "attributes": [{"key": "what", "value": {"stringValue": "tea"}}],
                    "exemplars": [
                      {"asInt": "-3", "timeUnixNano": "1795000000987654321", "spanId": "eee19b7ec3c1b174",
                       "traceId": "7d3f00112233445566778899aabbccdd",
                       "filteredAttributes": [{"key": "who", "value": {"stringValue": "me"}}]}
                    ]
                  }
                ]
              }
            },
            {
              "name": "wait", "unit": "s",
              "histogram": {
                "aggregationTemporality": 1,
                "dataPoints": [
                  {"timeUnixNano": "1795000000987654321", "count": "3", "sum": 0.0, "bucketCounts": ["0", "1", "2"],
                   "explicitBounds": [0.5, 1.0], "min": -0.25, "max": "Infinity",
                   "exemplars": [{"asDouble": 0.125}]}
                ]
              }
            },
            {
              "name": "size", "unit": "By",
              "exponentialHistogram": {
                "aggregationTemporality": 2,
                "dataPoints": [
                  {"timeUnixNano": "1795000000987654321", "count": "9", "sum": 100.5, "scale": -2, "zeroCount": "1",
                   "positive": {"offset": -7, "bucketCounts": ["3", "0", "5"]}, "negative": {}, "zeroThreshold": 1e-09,
                   "min": 0.0, "max": 64.0, "flags": 1}
                ]
              }
            },
            {
              "name": "pause",
              "summary": {"dataPoints": [
                {"timeUnixNano": "1795000000987654321", "count": "4", "sum": 10.0,
                 "quantileValues": [{"quantile": 0.5, "value": 2.5}, {"quantile": 1.0, "value": "-Infinity"}]}
              ]}
            }
          ]
        }
      ]
    }
  ]
}"""

LOGS = """{
  "resourceLogs": [
    {
      "scopeLogs": [
        {
          "logRecords": [
            {
              "timeUnixNano": "1795000000123456789",
              "observedTimeUnixNano": "1795000000987654321",
              "severityNumber": 17,
              "severityText": "ERROR",
              "body": {"kvlistValue": {"values": [{"key": "reason", "value": {"stringValue": "out of \\"tea\\""}}]}},
              "attributes": [{"key": "attempt", "value": {"intValue": "9007199254740993"}}],
              "droppedAttributesCount": 1,
              "flags": 1,
              "traceId": "7d3f00112233445566778899aabbccdd",
              "spanId": "eee19b7ec3c1b174",
              "eventName": "shop.empty"
            },
            {"body": {"stringValue": ""}},
            {}
          ]
        }
      ]
    }
  ]
}"""


def _attribute(key: str, **value: object) -> KeyValue:
    return KeyValue(key=key, value=value)  # type: ignore[arg-type]


def _traces() -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add(schema_url="https://example.org/resource")
    resource.resource.attributes.append(_attribute("service.name", string_value="basket"))
    resource.resource.dropped_attributes_count = 1
    resource.resource.entity_refs.add(
        type="service", id_keys=["service.name", ""], description_keys=["service.version"]
    )
    scope = resource.scope_spans.add(schema_url="https://example.org/scope")
    scope.scope.name, scope.scope.version = "shop.http", "2.1"
    scope.scope.attributes.append(_attribute("beta", bool_value=False))
    span = scope.spans.add(
        trace_id=bytes.fromhex(TRACE_ID),
        span_id=bytes.fromhex(SPAN_ID),
        parent_span_id=bytes.fromhex(PARENT_ID),
        trace_state="vendor=1",
        flags=257,
        name="PUT /basket",
        kind=2,
        start_time_unix_nano=BEGIN,
        end_time_unix_nano=END,
        dropped_attributes_count=2**32 - 1,
        dropped_events_count=3,
        dropped_links_count=4,
        status={"message": "gave up", "code": 2},
    )
    span.attributes.extend(
        [
            _attribute("http.response.status_code", int_value=201),
            _attribute("load", double_value=0.75),
            _attribute("raw", bytes_value=b"\xde\xad\xbe\xef"),
            _attribute("mixed", array_value={"values": [{"string_value": ""}, {"int_value": -1}, {}]}),
            _attribute("map", kvlist_value={"values": [{"key": "on", "value": {"bool_value": True}}]}),
        ]
    )
    nothing = KeyValue(key="nothing")
    span.events.add(time_unix_nano=BEGIN, name="retry", attributes=[nothing], dropped_attributes_count=2)
    span.links.add(
        trace_id=bytes.fromhex(TRACE_ID),
        span_id=bytes.fromhex(PARENT_ID),
        trace_state="a=b",
        attributes=[nothing],
        dropped_attributes_count=5,
        flags=1,
    )
    return request


def _metrics() -> ExportMetricsServiceRequest:
    request = ExportMetricsServiceRequest()
    resource = request.resource_metrics.add()
    resource.resource.SetInParent()
    scope = resource.scope_metrics.add()
    scope.scope.name = "shop.stock"
    zero = NumberDataPoint(time_unix_nano=BEGIN, as_int=0)
    lost = NumberDataPoint(time_unix_nano=BEGIN, as_double=float("nan"), flags=1)
    exemplar = Exemplar(
        as_int=-3,
        time_unix_nano=END,
        span_id=bytes.fromhex(SPAN_ID),
        trace_id=bytes.fromhex(TRACE_ID),
        filtered_attributes=[_attribute("who", string_value="me")],
    )
    sold = NumberDataPoint(
        start_time_unix_nano=BEGIN,
        time_unix_nano=END,
        as_int=12,
        attributes=[_attribute("what", string_value="tea")],
        exemplars=[exemplar],
    )
    wait = HistogramDataPoint(
        time_unix_nano=END,
        count=3,
        sum=0,
        bucket_counts=[0, 1, 2],
        explicit_bounds=[0.5, 1],
        min=-0.25,
        max=float("inf"),
        exemplars=[Exemplar(as_double=0.125)],
    )
    size = ExponentialHistogramDataPoint(
        time_unix_nano=END,
        count=9,
        sum=100.5,
        scale=-2,
        zero_count=1,
        positive=ExponentialHistogramDataPoint.Buckets(offset=-7, bucket_counts=[3, 0, 5]),
        negative=ExponentialHistogramDataPoint.Buckets(),
        zero_threshold=1e-9,
        min=0,
        max=64,
        flags=1,
    )
    quantiles = [SummaryDataPoint.ValueAtQuantile(quantile=0.5, value=2.5)]
    quantiles.append(SummaryDataPoint.ValueAtQuantile(quantile=1, value=-float("inf")))
    pause = SummaryDataPoint(time_unix_nano=END, count=4, sum=10, quantile_values=quantiles)
    scope.metrics.extend(
        [
            Metric(
                name="stock",
                unit="{piece}",
                description="what is there",
                gauge=Gauge(data_points=[zero, lost]),
                metadata=[_attribute("origin", string_value="till")],
            ),
            Metric(name="sold", sum=Sum(aggregation_temporality=2, is_monotonic=True, data_points=[sold])),  # type: ignore[arg-type]
            Metric(name="wait", unit="s", histogram=Histogram(aggregation_temporality=1, data_points=[wait])),  # type: ignore[arg-type]
            Metric(
                name="size",
                unit="By",
                exponential_histogram=ExponentialHistogram(aggregation_temporality=2, data_points=[size]),  # type: ignore[arg-type]
            ),
            Metric(name="pause", summary=Summary(data_points=[pause])),
        ]
    )
    return request


def _logs() -> ExportLogsServiceRequest:
    request = ExportLogsServiceRequest()
    scope = request.resource_logs.add().scope_logs.add()
    record = scope.log_records.add(
        time_unix_nano=BEGIN,
        observed_time_unix_nano=END,
        severity_number=17,
        severity_text="ERROR",
        attributes=[_attribute("attempt", int_value=9_007_199_254_740_993)],
        dropped_attributes_count=1,
        flags=1,
        trace_id=bytes.fromhex(TRACE_ID),
        span_id=bytes.fromhex(SPAN_ID),
        event_name="shop.empty",
    )
    record.body.kvlist_value.values.append(_attribute("reason", string_value='out of "tea"'))
    scope.log_records.add().body.string_value = ""
    scope.log_records.add()
    return request


OF_EACH: Mapping[Signal, tuple[Message, str]] = {
    Signal.TRACES: (_traces(), TRACES),
    Signal.METRICS: (_metrics(), METRICS),
    Signal.LOGS: (_logs(), LOGS),
}

#!/usr/bin/env bash
# OpenTelemetry's gRPC exporter for JavaScript gives a batch up after one UNAVAILABLE. The one for HTTP sends it again.
#
# Seen with @opentelemetry/exporter-trace-otlp-grpc 0.57.2 and @opentelemetry/exporter-trace-otlp-http 0.57.2: a server answers
# the first export UNAVAILABLE (503 over HTTP) with a delay of one second, and would take the second. Over gRPC there is no
# second attempt: the batch is lost. Over HTTP the second attempt comes, and the export succeeds. The OTLP specification calls
# UNAVAILABLE retryable ("OTLP/gRPC Response"). Behind a rolling update such clients lose what they send in that moment.
#
# What the exporter does about it: a client cannot be made to send again; docs/what-ok-means.md tells people.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-fund --no-audit @grpc/grpc-js@1.13.4 @opentelemetry/sdk-trace-base@1.30.1 \
  @opentelemetry/exporter-trace-otlp-grpc@0.57.2 @opentelemetry/exporter-trace-otlp-http@0.57.2

cat > seen.js <<'JAVASCRIPT'
const http = require("node:http");
const grpc = require("@grpc/grpc-js");
const { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } = require("@opentelemetry/sdk-trace-base");
const overGrpc = require("@opentelemetry/exporter-trace-otlp-grpc");
const overHttp = require("@opentelemetry/exporter-trace-otlp-http");

const ended = new InMemorySpanExporter();
const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(ended)] });
provider.getTracer("finding").startSpan("one").end();
const spans = ended.getFinishedSpans();

// google.rpc.Status { code: 14, details: [Any { RetryInfo { retry_delay: 1 s } }] }
const retryInfo = Buffer.from([0x0a, 0x02, 0x08, 0x01]);
const type = Buffer.from("type.googleapis.com/google.rpc.RetryInfo");
const any = Buffer.concat([Buffer.from([0x0a, type.length]), type, Buffer.from([0x12, retryInfo.length]), retryInfo]);
const status = Buffer.concat([Buffer.from([0x08, 14, 0x1a, any.length]), any]);

async function grpcCalls() {
  let calls = 0;
  const server = new grpc.Server();
  const path = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
  const same = (bytes) => bytes;
  const method = { path, requestStream: false, responseStream: false, requestSerialize: same, requestDeserialize: same, responseSerialize: same, responseDeserialize: same };
  server.addService({ Export: method }, {
    Export(call, callback) {
      calls += 1;
      const metadata = new grpc.Metadata();
      metadata.set("grpc-status-details-bin", status);
      calls === 1 ? callback({ code: 14, details: "not now", metadata }) : callback(null, Buffer.alloc(0));
    },
  });
  const port = await new Promise((done) => server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (_, found) => done(found)));
  const result = await exported(new overGrpc.OTLPTraceExporter({ url: `http://127.0.0.1:${port}` }));
  server.forceShutdown();
  return `${calls} call, ${result}`;
}

async function httpCalls() {
  let calls = 0;
  const server = http.createServer((request, response) => {
    calls += 1;
    request.resume().on("end", () => calls === 1 ? response.writeHead(503, { "Retry-After": "1" }).end() : response.writeHead(200).end("{}"));
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const result = await exported(new overHttp.OTLPTraceExporter({ url: `http://127.0.0.1:${server.address().port}/v1/traces` }));
  server.closeAllConnections();
  server.close();
  return `${calls} calls, ${result}`;
}

const exported = (exporter) => new Promise((done) => exporter.export(spans, (result) => done(result.code === 0 ? "exported" : "given up")));

(async () => {
  console.log(`gRPC: ${await grpcCalls()}`);
  console.log(`HTTP: ${await httpCalls()}`);
  process.exit(0);
})();
JAVASCRIPT

timeout 60 node seen.js | tee seen
diff seen - <<'SEEN'
gRPC: 1 call, given up
HTTP: 2 calls, exported
SEEN
echo "as described"

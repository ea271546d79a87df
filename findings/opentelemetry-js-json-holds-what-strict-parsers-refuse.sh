#!/usr/bin/env bash
# OpenTelemetry's JSON exporter for JavaScript writes values that strict readers of OTLP/JSON refuse with the whole batch.
#
# Seen with @opentelemetry/exporter-trace-otlp-http 0.57.2 and sdk-trace-base 1.30.1: `attributeValueLengthLimit` counts UTF-16
# units, so it cuts an emoji in half, and the body holds half of a surrogate pair, `\ud83d`. An attribute of 1e20 is written as
# `intValue` 100000000000000000000, which is no 64-bit integer. NaN is written as `"doubleValue":null`. Each of them is one
# attribute of one span; a server that answers 400 loses every span of the batch.
#
# What the exporter does about it: the first becomes U+FFFD, the second a double, the third an attribute without a value.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-fund --no-audit @opentelemetry/sdk-trace-base@1.30.1 @opentelemetry/exporter-trace-otlp-http@0.57.2

cat > seen.js <<'JAVASCRIPT'
const http = require("node:http");
const { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } = require("@opentelemetry/sdk-trace-base");
const { OTLPTraceExporter } = require("@opentelemetry/exporter-trace-otlp-http");

const ended = new InMemorySpanExporter();
const provider = new BasicTracerProvider({
  spanLimits: { attributeValueLengthLimit: 5 },
  spanProcessors: [new SimpleSpanProcessor(ended)],
});
const span = provider.getTracer("finding").startSpan("one");
span.setAttribute("text", "abcd\u{1f600}ef");
span.setAttribute("large", 1e20);
span.setAttribute("nothing", NaN);
span.end();

const server = http.createServer((request, response) => {
  const pieces = [];
  request.on("data", (piece) => pieces.push(piece)).on("end", () => {
    const body = Buffer.concat(pieces).toString();
    for (const key of ["text", "large", "nothing"]) {
      console.log(body.match(new RegExp(`"key":"${key}","value":({[^}]*})`))[1]);
    }
    response.end("{}");
    process.exit(0);
  });
});
server.listen(0, "127.0.0.1", () => {
  new OTLPTraceExporter({ url: `http://127.0.0.1:${server.address().port}/v1/traces` }).export(ended.getFinishedSpans(), () => {});
});
JAVASCRIPT

timeout 60 node seen.js | tee seen
diff seen - <<'SEEN'
{"stringValue":"abcd\ud83d"}
{"intValue":100000000000000000000}
{"doubleValue":null}
SEEN
echo "as described"

#!/usr/bin/env bash
# A grpc.aio server reads EOF from a call that its client has cancelled, before it is told of the cancellation.
#
# Seen with grpcio 1.84.0: a client opens a stream-unary call, sends no message, and cancels it. On the server, the pending
# `context.read()` returns `grpc.aio.EOF`, as for a client that has closed its side in good order; `context.cancelled()` and
# `context.done()` are still False. The handler's task is cancelled at its next wait. A server that answers at once on EOF
# takes an impatient client for one that sends malformed calls, and counts and logs it so.
#
# What the exporter does about it: after an EOF without a message it waits for a moment for the cancellation.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check grpcio==1.84.0

cat > "$folder/seen.py" <<'PYTHON'
import asyncio

import grpc


async def main():
    seen = asyncio.Queue()

    async def handler(_, context):
        message = await context.read()
        seen.put_nowait(("EOF" if message is grpc.aio.EOF else "message", context.cancelled(), context.done()))
        try:
            await asyncio.sleep(5)
            seen.put_nowait("was not cancelled within 5 s")
        except asyncio.CancelledError:
            seen.put_nowait("is cancelled at its next wait")
            raise
        return b""

    server = grpc.aio.server()
    method = grpc.stream_unary_rpc_method_handler(handler)
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("finding.Service", {"Call": method})])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        for _ in range(3):
            call = channel.stream_unary("/finding.Service/Call")()
            await asyncio.sleep(0.3)
            call.cancel()
            what, cancelled, done = await asyncio.wait_for(seen.get(), 10)
            print(f"read() returns {what}, cancelled() is {cancelled}, done() is {done}; the task {await asyncio.wait_for(seen.get(), 10)}")
    await server.stop(None)


asyncio.run(main())
PYTHON

"$folder/venv/bin/python" "$folder/seen.py" | tee "$folder/seen"
for _ in 1 2 3; do
  echo "read() returns EOF, cancelled() is False, done() is False; the task is cancelled at its next wait"
done | diff "$folder/seen" -
echo "as described"

#!/usr/bin/env bash
# librdkafka reads the digits at the start of an integer property and ignores the text behind them.
#
# Seen with confluent-kafka 2.16.1 (librdkafka 2.16.0): `message.timeout.ms=5m` is 5 milliseconds, `10k` messages are 10, and
# `acks=0 or all` is 0. librdkafka gives no error and no warning. Its own list of properties, which it logs with `debug=conf`,
# shows the number that it took. A person who writes `5m` for five minutes loses every record that takes longer than 5 ms.
#
# What the exporter does about it: it refuses a value that is not of the type that librdkafka documents.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check confluent-kafka==2.16.1

cat > "$folder/seen.py" <<'PYTHON'
import logging

from confluent_kafka import Producer

GIVEN = {"message.timeout.ms": "5m", "queue.buffering.max.messages": "10k", "request.required.acks": "0 or all"}
taken = {}


class Read(logging.Handler):
    def emit(self, record):
        name, equals, value = record.getMessage().rpartition("]:")[2].partition(" = ")
        if equals and name.strip() in GIVEN:
            taken[name.strip()] = value.strip()


logger = logging.getLogger("librdkafka")
logger.setLevel(logging.DEBUG)
logger.addHandler(Read())
producer = Producer({**GIVEN, "debug": "conf"}, logger=logger)
for _ in range(50):
    producer.poll(0.1)
    if len(taken) == len(GIVEN):
        break
for name, value in sorted(GIVEN.items()):
    print(f"{name}={value} is taken as {taken.get(name)}")
PYTHON

"$folder/venv/bin/python" "$folder/seen.py" | tee "$folder/seen"
diff "$folder/seen" - <<'SEEN'
message.timeout.ms=5m is taken as 5
queue.buffering.max.messages=10k is taken as 10
request.required.acks=0 or all is taken as 0
SEEN
echo "as described"

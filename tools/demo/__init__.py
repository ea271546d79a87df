"""``make demo``: a resource becomes a process, telemetry goes in, records come out.

``container`` starts what the operator renders, ``telemetry`` sends with the OpenTelemetry SDK, ``topics`` reads back,
``items`` makes both sides comparable, ``__main__`` tells the story. The tests of the examples use the same parts.
"""

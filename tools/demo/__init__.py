"""``make demo``: a resource becomes a process, telemetry goes in, records come out.

``container`` starts what the operator renders, ``telemetry`` sends with the OpenTelemetry SDK, ``topics`` reads back,
``items`` makes both sides comparable, and ``__main__`` runs these steps and prints them.
"""

"""The exporter: takes OTLP, writes Kafka, and says OK only when Kafka has said so.

Data flows one way: bytes -> ``receiver`` -> ``records`` -> ``producer`` -> ``outcomes`` -> status code. What lies
between ``receiver`` and ``producer`` is pure. The exporter knows nothing of Kubernetes and runs alone on a laptop.
"""

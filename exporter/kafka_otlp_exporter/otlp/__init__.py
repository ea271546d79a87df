"""OTLP as bytes: the three signals, the protobuf wire format, and OTLP/JSON in both directions. Pure."""

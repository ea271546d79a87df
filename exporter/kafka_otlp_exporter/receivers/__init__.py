"""The ports that clients connect to: OTLP/gRPC, OTLP/HTTP, and the certificates and tokens that guard them."""

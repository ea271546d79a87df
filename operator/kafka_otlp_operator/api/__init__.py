"""The Kubernetes API and the exporter pods: the calls that the operator makes, and the rights that it needs for them."""

"""The calls that the operator makes to the Kubernetes API and to exporter pods, and the rights that it needs for them."""

"""The story in a real cluster: real images, a real Kafka, kubectl apply. Run by `make e2e`."""

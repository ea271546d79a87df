"""The real systems of the tests: builds Kubernetes, the Collector and Helm, fetches Kafka, runs a cluster in kind."""

"""What the tests run against and this repository does not hold: Kubernetes binaries and Kafka jars."""

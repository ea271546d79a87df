"""The Maven project that names the jars of the tests' Kafka."""

"""Kafka: the producer, and what its statistics say. The only room that imports confluent_kafka."""

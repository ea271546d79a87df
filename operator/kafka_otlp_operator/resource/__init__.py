"""The KafkaOtlpExporter: its fields, its rules, its definition, and how a stored object is read into values. Pure."""

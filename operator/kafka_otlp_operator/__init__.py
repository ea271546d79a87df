"""The operator: turns KafkaOtlpExporter resources into Deployments, Services and ServiceAccounts."""

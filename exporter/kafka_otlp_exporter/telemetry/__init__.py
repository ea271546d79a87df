"""How the exporter is observed: metrics, log events, and the admin port."""

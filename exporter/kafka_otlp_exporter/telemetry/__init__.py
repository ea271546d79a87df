"""What the exporter tells about itself: metrics, log events, and the admin port."""

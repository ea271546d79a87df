"""The pure parts of tests/cluster."""

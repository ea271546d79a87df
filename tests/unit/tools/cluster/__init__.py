"""The pure parts of tools/cluster."""

"""Tests of the exporter, one file for each of its modules."""

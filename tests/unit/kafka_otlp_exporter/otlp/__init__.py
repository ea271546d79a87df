"""Tests of the room ``otlp``."""

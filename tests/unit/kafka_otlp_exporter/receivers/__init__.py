"""Tests of the room ``receivers``."""

"""Tests of the room ``resource``."""

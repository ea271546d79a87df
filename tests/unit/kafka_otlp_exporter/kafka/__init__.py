"""Tests of the room ``kafka``."""

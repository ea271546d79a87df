"""Tests of both programs; ``beds`` holds the real systems that they run against."""

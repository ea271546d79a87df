"""Tests of the conformance suite itself: every check can fail."""

"""Test beds: real systems as local processes that a test starts, disturbs and ends."""

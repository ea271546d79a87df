"""Tests of the mutation job."""

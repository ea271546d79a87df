"""Tests of one module each, with no process and no network beside them."""

"""Contracts with the systems that this product stands on, held against the real ones."""

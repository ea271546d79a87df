"""Mutation tests: mutmut changes the safety-critical modules, and the unit tests of each module must notice."""

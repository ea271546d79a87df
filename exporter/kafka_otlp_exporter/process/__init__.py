"""The processes: their start, drain and exit codes, and several workers on the same ports."""

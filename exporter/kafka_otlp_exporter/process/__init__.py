"""The life of the processes: start order, drain, exit codes, and several workers on the same ports."""

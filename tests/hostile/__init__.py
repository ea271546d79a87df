"""What strangers may send, row by row: the answer, the memory that it may cost, and that others are served."""

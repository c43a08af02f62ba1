"""One command: its record, its end, its gate and which room answers it."""

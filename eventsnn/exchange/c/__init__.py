"""Networks as C: ``texts/`` has the program as it is read, Python fills in sizes and numbers."""

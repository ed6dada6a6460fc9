"""Learning rules, a folder each."""

"""What a run costs: spike traffic and operations."""

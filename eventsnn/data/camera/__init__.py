"""The virtual event camera."""

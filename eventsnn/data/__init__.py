"""Event-camera recordings: files, data sets and the virtual camera."""

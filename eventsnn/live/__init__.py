"""Streams that do not end: sessions, sources of events, and the page that shows them."""

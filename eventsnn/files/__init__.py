"""Files of others read without trust, and results written whole."""

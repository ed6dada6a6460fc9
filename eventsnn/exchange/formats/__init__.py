"""Formats of files that hold networks: one a file, with one ``FileFormat`` subclass."""

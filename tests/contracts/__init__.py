"""Contracts: every thing that is found keeps what its kind promises."""

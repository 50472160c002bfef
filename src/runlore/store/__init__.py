"""Bytes at rest: the only room that opens a database or a data file."""

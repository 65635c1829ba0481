"""The words tables are written in, one word a file."""

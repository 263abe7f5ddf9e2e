"""The command line: one verb, one function; nothing below knows that it exists."""

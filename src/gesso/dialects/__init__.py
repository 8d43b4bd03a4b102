"""Dialects: the wire formats of vendors, each a folder of pure functions and a table of routes. No sockets, no database."""

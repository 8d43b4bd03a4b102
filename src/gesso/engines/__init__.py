"""Engines: what turns a task into pictures."""

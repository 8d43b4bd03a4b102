"""Stored bytes: objects on disk or in memory, their owner rows, signed links, and the asker's uploads."""

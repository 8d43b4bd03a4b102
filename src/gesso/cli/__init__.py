"""The command line: commands that read options, call the rooms below, and print. Nothing below knows of it."""

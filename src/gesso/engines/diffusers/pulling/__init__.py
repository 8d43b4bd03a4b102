"""Weights brought from a hub to this machine: which files, how much room they need, and the mark that all is there."""

"""The dialect of Replicate."""

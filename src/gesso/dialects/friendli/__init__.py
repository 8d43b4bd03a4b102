"""The dialect of Friendli."""

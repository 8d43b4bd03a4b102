"""The dialect of Eachlabs."""

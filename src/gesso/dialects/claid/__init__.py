"""The dialect of Claid."""

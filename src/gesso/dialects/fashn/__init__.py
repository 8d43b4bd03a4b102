"""The dialect of FASHN."""

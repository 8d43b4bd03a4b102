"""The dialect of Magic Hour."""

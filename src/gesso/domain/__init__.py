"""The words of Gesso as plain frozen types; depends on nothing but pydantic and the standard library."""

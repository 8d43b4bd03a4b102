"""The built-in engine: our own small model that draws objects as layers over a background or a photograph."""

"""Gesso: one self-hosted server under every image model."""

__version__ = "0.1.0"

"""The HTTP server: native API, files, links, health."""

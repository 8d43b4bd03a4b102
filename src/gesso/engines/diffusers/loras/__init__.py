"""LoRA weights that requests name: read, allowed or not, fetched, checked, kept. Runs in the server; loads no torch."""

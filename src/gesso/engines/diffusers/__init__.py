"""Open weights through Hugging Face diffusers. What is here loads no heavy library; `child` does, in its own process."""

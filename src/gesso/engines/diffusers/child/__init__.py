"""What runs in the process of one device. Only here are torch and diffusers imported."""

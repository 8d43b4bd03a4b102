"""How many decoded pixels are held at once: more pictures wait for those before them."""

from gesso.domain.budget import Budget


class PixelBudget(Budget):
    """Shares pixels among those who hold decoded pictures."""

"""How many decoded pixels are held at once: more pictures wait for those before them."""

from gesso.domain.budget import Budget


class PixelBudget(Budget):
    """Shares pixels among those who hold decoded pictures.

    A job takes the pixels of its inputs and of one output. Measured on edits of 32 megapixels, which take 64 million:
    8 bytes for each of them where the output is JPEG or PNG, 13 where it is WebP, files included, while a picture is
    decoded, drawn on a copy and encoded.
    """

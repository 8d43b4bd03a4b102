"""The libraries say nothing of their own accord: no progress bars, no advice, no warnings that nobody could act on."""

from __future__ import annotations

import warnings

from diffusers.utils import logging as diffusers_logging
from transformers.utils import logging as transformers_logging


def quieten() -> None:
    """Have errors alone be told."""
    for logging in (diffusers_logging, transformers_logging):
        logging.disable_progress_bar()
        logging.set_verbosity_error()
    warnings.simplefilter("ignore")
    # Said by a pipeline that had no memory to decode in, and goes on without a picture: the error is wanted.
    warnings.filterwarnings("error", message="(?s).*VAE tiling", category=UserWarning)

"""Checkpoints of a few megabytes with random weights, one for every family the diffusers engine runs.

The classes, configurations and folders are the real ones, so `from_pretrained` reads them as it reads a download; the
widths are tiny, and the tokenizers were trained on a few lines. `table` names them all.
"""

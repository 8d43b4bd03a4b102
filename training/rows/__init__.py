"""The rows of the evaluation, one file per ability; each asks the engine for pictures and judges what they show."""

"""The families of open weights: how an order becomes the call of a pipeline. Pure: no torch, no files."""

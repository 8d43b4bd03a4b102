"""What operators see: meters of this process, and traces across processes. Knows nothing of jobs but their words."""

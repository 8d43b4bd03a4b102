"""The models Gesso knows, as data: what they take, cost and run on. Pure: no network, no disk but the model files."""

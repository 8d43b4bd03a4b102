"""The checker and its history are beside the harness that writes it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "faults"))

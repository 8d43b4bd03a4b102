"""The ports of a painting as they are in a device's process: the one place that names who does what."""

from __future__ import annotations

from gesso.engines.diffusers.child.accelerate import at_level
from gesso.engines.diffusers.child.checker import check_of
from gesso.engines.diffusers.child.put_loras import with_loras
from gesso.engines.diffusers.child.residency import residency_of
from gesso.engines.diffusers.child.siblings import pipeline_for
from gesso.engines.diffusers.child.tools import Tools
from gesso.engines.diffusers.child_settings import ChildSettings


def tools_of(settings: ChildSettings) -> Tools:
    """Return what a device's process paints with."""
    check = None if settings.safety_model is None else check_of(settings.safety_model, settings.device)
    weights = residency_of(settings)
    return Tools(weights, pipeline_for, with_loras, at_level, check, settings.safety_threshold)

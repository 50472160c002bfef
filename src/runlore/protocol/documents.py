"""Documents as JSON: NaN and ±Inf, for which JSON has no numbers, become words."""

from __future__ import annotations

import math
from typing import Any


def plain(value: Any) -> Any:
    """The value with NaN and ±Inf inside as the strings "NaN", "Infinity" and "-Infinity"; map keys as strings."""
    if isinstance(value, float):
        if math.isfinite(value):
            return value
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value

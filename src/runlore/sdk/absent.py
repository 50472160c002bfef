"""Names that programs written for W&B use and that this version does not have: what to answer instead of guessing."""

from __future__ import annotations

from typing import Final

MODULE_NAMES: Final = frozenset(
    [
        "Artifact",
        "Audio",
        "Classes",
        "Graph",
        "Histogram",
        "Html",
        "Image",
        "Molecule",
        "Object3D",
        "Plotly",
        "Table",
        "Video",
        "agent",
        "alert",
        "apis",
        "controller",
        "data_types",
        "integration",
        "keras",
        "lightgbm",
        "link_artifact",
        "link_model",
        "log_artifact",
        "log_code",
        "log_model",
        "plot",
        "plot_table",
        "restore",
        "save",
        "sklearn",
        "sweep",
        "sync",
        "tensorboard",
        "unwatch",
        "use_artifact",
        "use_model",
        "watch",
        "xgboost",
        "catboost",
    ]
)
RUN_NAMES: Final = frozenset(
    [
        "alert",
        "display",
        "finish_artifact",
        "link_artifact",
        "link_model",
        "log_artifact",
        "log_code",
        "log_model",
        "pin_config_keys",
        "restore",
        "save",
        "to_html",
        "unwatch",
        "upsert_artifact",
        "use_artifact",
        "use_model",
        "watch",
        "write_logs",
    ]
)


def missing(owner: str, name: str, known: frozenset[str]) -> AttributeError:
    """The error for an attribute that is not there."""
    if name in known:
        return AttributeError(f"{owner}.{name} is not available in this version of Runlore")
    return AttributeError(f"{owner} has no attribute {name!r}")

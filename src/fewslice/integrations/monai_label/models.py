"""Our engines and strategies in MONAI Label's words."""

from __future__ import annotations

from typing import Any

from fewslice.errors import NotFoundError

AUTO, QUEUE = "fewslice", "queue"
STRATEGIES = {
    QUEUE: {
        "description": "What was returned, then what the model is least sure of, then the rest."
    }
}


def models(labels: dict[str, int]) -> dict[str, Any]:
    """Return the models a client may ask, by name.

    There is one: it completes what is drawn on a scan, and asks the project's trained model or its
    other scans where nothing is.
    """
    return {
        AUTO: {
            "type": "segmentation",
            "labels": labels,
            "dimension": 3,
            "description": "Completes a scan from the slices that were saved, or from other scans.",
            "config": {},
        }
    }


def require_model(name: str) -> None:
    """Raise NotFoundError unless there is such a model."""
    if name != AUTO:
        raise NotFoundError(f"There is no model {name!r}; ask {AUTO}.")

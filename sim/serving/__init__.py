"""A bucket over HTTP that lags as a scenario's store does (``SEMANTICS.md`` V1-V8)."""

import importlib.util
from typing import Final

__all__ = ["SERVE_EXTRA", "has_libraries"]

SERVE_EXTRA: Final = 'sim serve needs the extra "serve": pip install "consistency-sim[serve]"'
"""What to say where a library is missing."""


def has_libraries() -> bool:
    """Whether all that the endpoint is made of is installed."""
    return all(importlib.util.find_spec(name) for name in ("botocore", "waitress", "werkzeug"))

"""When the demonstration city lives."""

from __future__ import annotations

from datetime import datetime

from anlan.kernel.clock import BEIJING

START = datetime(2013, 6, 14, 9, 0, tzinfo=BEIJING)
"""What the demonstration city's clock shows when it is loaded."""

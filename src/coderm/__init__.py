"""CodeRM: tells right code from wrong when nobody has written the tests."""

from __future__ import annotations

__version__ = "0.1.0"

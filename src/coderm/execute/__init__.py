"""The engine: runs candidate solutions against unit tests in a jail. Nothing in here knows about LLMs."""

from coderm.execute.engine import Engine, execute

__all__ = ["Engine", "execute"]

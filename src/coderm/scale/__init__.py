"""Dynamic scaling: which problems get more unit tests (Ma et al. 2025, §3.2, and rules made for verifiers)."""

from coderm.scale.allocate import allocate

__all__ = ["allocate"]

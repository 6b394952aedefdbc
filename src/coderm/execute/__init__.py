"""The engine: runs candidate solutions against unit tests in a jail. Nothing in here knows about LLMs."""

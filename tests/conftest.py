"""What several test files need.

Some tests send Ctrl-C to processes that they start; a shell that runs pytest in the background hands it down ignored.
"""

import signal
from collections.abc import Iterator

import pytest
from generate_server import KEY, Server

signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """An endpoint on loopback, its key set and retries quick."""
    import openai._base_client

    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setattr(openai._base_client, "INITIAL_RETRY_DELAY", 0.01)
    monkeypatch.setattr(openai._base_client, "MAX_RETRY_DELAY", 0.05)
    with Server() as running:
        yield running

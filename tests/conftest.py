"""Some tests send Ctrl-C to processes that they start; a shell that runs pytest in the background hands it down ignored."""

import signal

signal.signal(signal.SIGINT, signal.default_int_handler)

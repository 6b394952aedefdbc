"""Problems solved by whole programs: a program that reads stdin and writes stdout, as a function of one text."""

from __future__ import annotations

import inspect

from coderm.problems.texts import literal


def as_function(program: str) -> str:
    """The text of a solution that defines `run_program(stdin: str) -> stdout: str`.

    Each call runs the program afresh as `__main__`. It sees its input on file descriptor 0 and what it writes to
    file descriptor 1 is returned, so `input`, `sys.stdin.buffer`, `open(0)` and `os.read` all work, and what it has
    registered with `atexit` runs. Leaving with a status other than 0 raises RuntimeError, as any exception of the
    program is raised to the caller.
    """
    return inspect.getsource(run_program).replace('"PROGRAM"', literal(program), 1)


def run_program(stdin: str) -> str:
    """What the program writes when it reads `stdin`."""
    import atexit
    import os
    import sys
    import tempfile
    import threading

    code = compile("PROGRAM", "solution.py", "exec")
    streams = sys.stdin, sys.stdout
    descriptors = os.dup(0), os.dup(1)
    threads = set(threading.enumerate())
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as written:
        given.write(stdin.encode("utf-8", "replace"))
        given.seek(0)
        os.dup2(given.fileno(), 0)
        os.dup2(written.fileno(), 1)
        # Both have names here: a program may wrap their buffers, which the last reference to them would close.
        sys.stdin = source = open(0, encoding="utf-8", closefd=False)  # noqa: F841, SIM115
        sys.stdout = output = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        try:
            exec(code, {"__name__": "__main__"})
        except SystemExit as end:
            if end.code not in (None, 0):
                raise RuntimeError(f"the program ended with status {end.code!r}") from None
        finally:
            for thread in threading.enumerate():
                if thread not in threads and not thread.daemon:
                    thread.join()
            atexit._run_exitfuncs()
            for stream in {sys.stdout, output, sys.__stdout__}:
                if stream and not stream.closed:
                    stream.flush()
            sys.stdin, sys.stdout = streams
            for number, descriptor in enumerate(descriptors):
                os.dup2(descriptor, number)
                os.close(descriptor)
        written.seek(0)
        return written.read().decode("utf-8", "replace")

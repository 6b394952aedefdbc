"""The command line: verbs only, one file a group of verbs, no logic. Heavy imports stay inside the verbs."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated, NoReturn

import typer

import coderm
from coderm.errors import CoderMError, InputError

_INTERRUPTED = 130
"""What typer makes of Ctrl-C."""

app = typer.Typer(
    name="coderm",
    help="Tells right code from wrong when nobody has written the tests.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        print(f"coderm {coderm.__version__}")
        raise typer.Exit


@app.callback()
def _options(version: Annotated[bool, typer.Option("--version", is_eager=True, callback=_version,
                                                   help="Print the version and exit.")] = False) -> None:
    pass


def writable(path: Path) -> Path:
    """The path of a file to come, its folder made: what would fail after the work is refused before it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        raise InputError(f"{path}: cannot be written; name a file in a folder that you may write to")
    return path


def main() -> None:
    """Run the command line; what was wrong is one line on stderr and its exit code, never a traceback."""
    try:
        try:
            app()
        finally:
            print(end="", flush=True)  # at exit it would be too late to say that the output did not get through
    except CoderMError as error:
        _fail(str(error), error.exit_code)
    except OSError as error:
        if error.filename is not None:  # a file that the user named; the rest is the machine's doing
            _fail(f"{error.filename}: {error.strerror}", InputError.exit_code)
        with suppress(OSError):
            sys.stdout.close()  # or the interpreter would try once more, and complain in its own words
        _fail(str(error), CoderMError.exit_code)
    except UnicodeDecodeError as error:
        _fail(f"an input file is not UTF-8 text: {error}", InputError.exit_code)
    except SystemExit as end:
        if end.code == _INTERRUPTED:
            print("coderm: interrupted; a run keeps what is finished, and the same command goes on from there",
                  file=sys.stderr)
        raise


def _fail(message: str, exit_code: int) -> NoReturn:
    print(f"coderm: {message}", file=sys.stderr)
    sys.exit(exit_code)

"""The command line: verbs only, one file a group of verbs, no logic. Heavy imports stay inside the verbs."""

from __future__ import annotations

import sys

import typer

from coderm.errors import CoderMError

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


def main() -> None:
    """Run the command line; an error of ours is one line on stderr and its exit code, never a traceback."""
    try:
        app()
    except CoderMError as error:
        print(f"coderm: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except SystemExit as end:
        if end.code == _INTERRUPTED:
            print("coderm: interrupted; a run keeps what is finished, and the same command goes on from there",
                  file=sys.stderr)
        raise

"""Every exception that CodeRM raises on purpose.

    CoderMError
    ├── InputError          what the user handed in is wrong; exit code 2
    │   ├── FormatError     a file or line that cannot be read (says file:line)
    │   ├── MissingInput    a rule needs what this problem lacks (in coderm.reward.context)
    │   ├── NotAModel       a file or folder that holds no model which can be loaded
    │   └── SchemaError     a file written by a newer version of CodeRM
    ├── RunLockedError      another process is working on the run directory; exit code 1
    ├── EngineError         execution could not be set up or broke on our side; exit code 1
    │   └── JailUnavailable no sandbox can be had here (says what to install); exit code 1
    ├── ModelError          an endpoint or model could not be used; exit code 1
    │   └── ReplyError      one request failed for good, others may fare better: recorded, the run goes on
    └── MissingExtra        an optional dependency is not installed (says which extra); exit code 2

A candidate or a test that misbehaves, or is too long to be executed, is never an exception: it is a verdict.
"""

from __future__ import annotations


class CoderMError(Exception):
    """Base of all; `exit_code` is what the command line ends with."""

    exit_code = 1


class InputError(CoderMError):
    """The user's input is wrong; the message says what, where and what to do."""

    exit_code = 2


class FormatError(InputError):
    """A file that cannot be read as what it should be; the message starts with file:line."""


class NotAModel(InputError):
    """A file or folder that `loader` cannot load as a model; of what the loader says, the first line.

    >>> str(NotAModel("m.gguf", "llama.cpp", ValueError("bad magic\\nand advice")))
    'm.gguf: llama.cpp cannot load it (bad magic)'
    """

    def __init__(self, where: object, loader: str, error: Exception) -> None:
        said = str(error).strip().partition("\n")[0] or type(error).__name__
        super().__init__(f"{where}: {loader} cannot load it ({said})")


class SchemaError(InputError):
    """A file whose schema version is newer than this version of CodeRM understands."""


class RunLockedError(CoderMError):
    """Another process holds the run directory."""


class EngineError(CoderMError):
    """The engine itself failed; no verdict was made up for what it could not run."""


class JailUnavailable(EngineError):
    """No sandbox can be set up on this machine and the degraded mode was not asked for."""


class ModelError(CoderMError):
    """A model or endpoint cannot be used."""


class ReplyError(ModelError):
    """One request got no reply; `unreachable` where the endpoint itself did not answer."""

    def __init__(self, message: str, *, unreachable: bool = False) -> None:
        super().__init__(message)
        self.unreachable = unreachable


class MissingExtra(CoderMError):
    """An optional dependency is missing.

    >>> str(MissingExtra("report", "matplotlib"))
    "this needs matplotlib: pip install 'coderm[report]'"
    """

    exit_code = 2

    def __init__(self, extra: str, package: str) -> None:
        super().__init__(f"this needs {package}: pip install 'coderm[{extra}]'")

"""The exceptions of the package. Each carries the message and, where there is one, a hint."""

from __future__ import annotations


class Error(Exception):
    """What the package raises. ``message`` says what is wrong and where, ``hint`` (may be empty)
    what to do, ``code`` is a word such as ``"malformed"``."""

    code = "internal"

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\nhint: {self.hint}" if self.hint else self.message


class UsageError(Error, ValueError):
    """A wrong argument, a wrong or missing input."""

    code = "usage"


class MalformedError(Error, ValueError):
    """The file breaks its format."""

    code = "malformed"


class LimitError(Error, MemoryError):
    """Memory or another limit is exceeded."""

    code = "limit"


class UnsupportedError(Error, NotImplementedError):
    """The model is well formed, but has something that this version cannot do."""

    code = "unsupported"


class FileError(Error, OSError):
    """The operating system refused: a file is absent or cannot be read or written."""

    code = "io"

    def __init__(self, message: str, hint: str = "") -> None:
        Error.__init__(self, message, hint)

    def __str__(self) -> str:
        return Error.__str__(self)


class Interrupted(Error):
    """The run was ended by somebody else: `Flag.raised`, ``RunOptions.terminate``."""

    code = "interrupted"


class InternalError(Error, RuntimeError):
    """A mistake of ours: please report it."""


_CLASSES = {
    c.code: c
    for c in (
        UsageError,
        MalformedError,
        LimitError,
        UnsupportedError,
        FileError,
        Interrupted,
        InternalError,
    )
}


def make(code: str, message: str, hint: str) -> Error:
    """The exception for a code of the library."""
    found = _CLASSES.get(code)
    if found:
        return found(message, hint)
    error = Error(message, hint)
    error.code = code
    return error

"""Messages: to stderr from a severity on, or to a function of the user's."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

_NAMES = "VIWEF"
_severity = 2
_verbosity = 0
_callback: Callable[[int, str, str, str, str], Any] | None = None


def _check(severity: int) -> None:
    if not 0 <= severity <= 4:
        raise RuntimeError(
            "Invalid logging severity. 0:Verbose, 1:Info, 2:Warning, 3:Error, 4:Fatal"
        )


def set_default_logger_severity(severity: int) -> None:
    """Messages below it are not shown: 0 verbose, 1 info, 2 warning, 3 error, 4 fatal."""
    global _severity
    _check(severity)
    _severity = severity


def set_default_logger_verbosity(verbosity: int) -> None:
    """Accepted; nothing here has more to say."""
    global _verbosity
    _verbosity = verbosity


def set_default_logger_callback(callback: Any, severity: int = 2) -> None:
    """Messages go to callback(severity, category, logid, code_location, message); None: to
    stderr again."""
    global _callback
    if callback is not None and not callable(callback):
        raise RuntimeError("the logging callback is not callable")
    _check(severity)
    _callback = callback
    if callback is not None:
        set_default_logger_severity(severity)


def log(severity: int, message: str, logid: str = "", level: int = -1) -> None:
    """Shows a message when its severity is at least `level` (-1: the default one)."""
    if severity < (_severity if level < 0 else level):
        return
    if _callback is None:
        print(f"[{_NAMES[severity]}:gossamer:{logid or 'Default'}] {message}", file=sys.stderr)
        return
    try:
        _callback(severity, "gossamer", logid, "gossamer.onnxruntime", message)
    except Exception as error:  # a callback must not end what it watches
        print(f"gossamer: the logging callback failed: {error}", file=sys.stderr)

"""onnxruntime's exceptions: the same names and the same beginning of the message."""

from __future__ import annotations

from .. import _errors as ours


class _OrtError(ours.Error):
    number, word = 1, "FAIL"

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(f"[ONNXRuntimeError] : {self.number} : {self.word} : {message}", hint)


class Fail(_OrtError):
    """The run or the load failed."""


class InvalidArgument(_OrtError):
    """A name, an element type or a shape does not fit the model."""

    number, word = 2, "INVALID_ARGUMENT"


class NoSuchFile(_OrtError):
    """There is no such file."""

    number, word = 3, "NO_SUCHFILE"


class NoModel(_OrtError):
    number, word = 4, "NO_MODEL"


class EngineError(_OrtError):
    number, word = 5, "ENGINE_ERROR"


class RuntimeException(_OrtError):
    """Something went wrong while running: memory, most often."""

    number, word = 6, "RUNTIME_EXCEPTION"


class InvalidProtobuf(_OrtError):
    """The bytes are no model."""

    number, word = 7, "INVALID_PROTOBUF"


class ModelLoaded(_OrtError):
    number, word = 8, "MODEL_LOADED"


class NotImplemented(_OrtError):  # noqa: A001 - onnxruntime's name
    """Part of onnxruntime's interface that this package does not have."""

    number, word = 9, "NOT_IMPLEMENTED"


class InvalidGraph(_OrtError):
    """The model's graph breaks a rule, or has an operator that nobody knows."""

    number, word = 10, "INVALID_GRAPH"


class EPFail(_OrtError):
    number, word = 11, "EP_FAIL"


def missing(what: str, instead: str = "") -> NotImplemented:
    """The exception of what this package does not have."""
    return NotImplemented(f"{what} is not supported by gossamer.onnxruntime", instead)


def of_loading(error: ours.Error, source: str | None) -> Exception:
    """What onnxruntime raises where loading a model failed with ``error``."""
    if isinstance(error, ours.MalformedError):
        if "no graph" in error.message:
            return InvalidArgument("No graph was found in the protobuf.", error.message)
        if "broken" in error.message or "field" in error.message:
            return InvalidProtobuf(f"Load model failed: {error.message}", error.hint)
        return InvalidGraph(f"This is an invalid model. {error.message}", error.hint)
    if isinstance(error, ours.UnsupportedError):
        return InvalidGraph(f"This is an invalid model. {error.message}", error.hint)
    if isinstance(error, ours.LimitError):
        return RuntimeException(error.message, error.hint)
    where = f"Load model from {source} failed:" if source else ""
    return Fail(where + error.message, error.hint)


def of_running(error: ours.Error) -> Exception:
    """What onnxruntime raises where a run failed with ``error``."""
    if isinstance(error, ours.Interrupted):
        return Fail("Exiting due to terminate flag being set to true.")
    if isinstance(error, ours.LimitError):
        return RuntimeException(error.message, error.hint)
    if isinstance(error, ours.UnsupportedError):
        return NotImplemented(error.message, error.hint)
    if isinstance(error, ours.UsageError):
        return InvalidArgument(error.message, error.hint)
    return Fail(error.message, error.hint)

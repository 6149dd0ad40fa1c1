"""Gossamer reads, optimizes, compiles and runs ONNX models on CPUs.

Examples:
    >>> import gossamer
    >>> model = gossamer.load("model.onnx")
    >>> model.inputs[0].name, model.inputs[0].type
    ('X', 'f32[N,2]')
    >>> model([[1, 2], [3, 4]])
    array([[ 5.],
           [11.]], dtype=float32)
"""

from __future__ import annotations

from . import _core
from ._errors import (
    Error,
    FileError,
    InternalError,
    Interrupted,
    LimitError,
    MalformedError,
    UnsupportedError,
    UsageError,
)
from ._model import Difference, Model, Port, compare, load

__version__: str = _core.version



def __getattr__(name: str):
    if name == "report":  # which imports more than running models takes
        from ._report import report

        return report
    raise AttributeError(f"module 'gossamer' has no attribute '{name}'")


__all__ = [
    "Difference",
    "Error",
    "FileError",
    "InternalError",
    "Interrupted",
    "LimitError",
    "MalformedError",
    "Model",
    "Port",
    "UnsupportedError",
    "UsageError",
    "compare",
    "load",
    "report",
]

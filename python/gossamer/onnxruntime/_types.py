"""Element types under onnxruntime's names, numpy's, and the numbers of ONNX."""

from __future__ import annotations

import numpy as np

from .._arrays import NARROW, NUMPY, dtype_of

# The library's name: (onnxruntime's, ONNX's number)
NAMES = {
    "f32": ("float", 1),
    "u8": ("uint8", 2),
    "i8": ("int8", 3),
    "u16": ("uint16", 4),
    "i16": ("int16", 5),
    "i32": ("int32", 6),
    "i64": ("int64", 7),
    "string": ("string", 8),
    "boolean": ("bool", 9),
    "f16": ("float16", 10),
    "f64": ("double", 11),
    "u32": ("uint32", 12),
    "u64": ("uint64", 13),
    "c64": ("complex64", 14),
    "c128": ("complex128", 15),
    "bf16": ("bfloat16", 16),
    "f8e4m3fn": ("float8e4m3fn", 17),
    "f8e4m3fnuz": ("float8e4m3fnuz", 18),
    "f8e5m2": ("float8e5m2", 19),
    "f8e5m2fnuz": ("float8e5m2fnuz", 20),
    "u4": ("uint4", 21),
    "i4": ("int4", 22),
    "f4e2m1": ("float4e2m1", 23),
    "f8e8m0": ("float8e8m0", 24),
    "u2": ("uint2", 25),
    "i2": ("int2", 26),
}
_BY_NUMBER = {number: ours for ours, (_, number) in NAMES.items()}
_BY_NUMPY = {np.dtype(t).name: ours for ours, t in NUMPY.items()}
_BY_NUMPY.update({name: ours for ours, (name, _) in NARROW.items()})


def spelled(text: str) -> str:
    """A type of the library as onnxruntime writes it: "seq(f32[?])" is "seq(tensor(float))"."""
    if text.startswith("seq("):
        return f"seq({spelled(text[4:-1])})"
    if text.startswith("opt("):
        return f"optional({spelled(text[4:-1])})"
    if text.startswith("sparse("):
        return f"sparse_tensor({NAMES[text[7:-1]][0]})"
    name = text.partition("[")[0]
    return f"tensor({NAMES[name][0]})" if name in NAMES else text


def name_of(dtype: np.dtype) -> str:
    """The library's name of numpy's type; text for all kinds of text."""
    if dtype.kind in "OUSTV" and dtype.name not in _BY_NUMPY:
        return "string"
    return _BY_NUMPY.get(dtype.name, dtype.name)


def spelled_of(dtype: np.dtype) -> str:
    """numpy's type as onnxruntime writes a tensor of it: "tensor(float)"."""
    name = name_of(dtype)
    return f"tensor({NAMES[name][0] if name in NAMES else dtype.name})"


def numpy_type(element_type) -> np.dtype:
    """numpy's type for a number of ONNX or for what numpy takes itself."""
    if isinstance(element_type, int):
        if element_type not in _BY_NUMBER:
            raise ValueError(f"{element_type} is no element type of ONNX")
        return dtype_of(_BY_NUMBER[element_type])
    return np.dtype(element_type)


def number_of(dtype: np.dtype) -> int:
    """ONNX's number for numpy's type."""
    return NAMES[name_of(dtype)][1]

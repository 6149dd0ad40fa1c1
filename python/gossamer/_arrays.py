"""Between arrays of any kind and the memory that the extension module reads. Called by it where an
object's memory cannot be taken as it is."""

from __future__ import annotations

import os

import numpy as np

from ._errors import UnsupportedError, UsageError

# The library's names of element types, and numpy's of those that numpy has.
NUMPY = {
    "boolean": np.bool_,
    "i8": np.int8,
    "i16": np.int16,
    "i32": np.int32,
    "i64": np.int64,
    "u8": np.uint8,
    "u16": np.uint16,
    "u32": np.uint32,
    "u64": np.uint64,
    "f16": np.float16,
    "f32": np.float32,
    "f64": np.float64,
    "c64": np.complex64,
    "c128": np.complex128,
}
# Those that the package ml_dtypes has, with what stores one element here.
NARROW = {
    "bf16": ("bfloat16", np.uint16),
    "f8e4m3fn": ("float8_e4m3fn", np.uint8),
    "f8e4m3fnuz": ("float8_e4m3fnuz", np.uint8),
    "f8e5m2": ("float8_e5m2", np.uint8),
    "f8e5m2fnuz": ("float8_e5m2fnuz", np.uint8),
    "f8e8m0": ("float8_e8m0fnu", np.uint8),
    "f4e2m1": ("float4_e2m1fn", np.uint8),
    "f6e2m3": ("float6_e2m3fn", np.uint8),
    "f6e3m2": ("float6_e3m2fn", np.uint8),
    "i4": ("int4", np.int8),
    "u4": ("uint4", np.uint8),
    "i2": ("int2", np.int8),
    "u2": ("uint2", np.uint8),
}
_NARROW_NAMES = {name: ours for ours, (name, _) in NARROW.items()}
_INTEGERS = ("i4", "u4", "i2", "u2")


def dtype_of(name: str) -> np.dtype:
    """numpy's element type for the library's name of it."""
    if name in NUMPY:
        return np.dtype(NUMPY[name])
    if name == "string":
        return np.dtype(object)
    try:
        import ml_dtypes
    except ImportError:
        raise UnsupportedError(
            f"numpy has no element type {name}", "pip install ml_dtypes brings it"
        ) from None
    return np.dtype(getattr(ml_dtypes, NARROW[name][0]))


def storage(name: str) -> tuple[np.dtype, bool]:
    """What stores elements of that type, and whether users get it as it is."""
    if name in NUMPY:
        return np.dtype(NUMPY[name]), True
    return np.dtype(NARROW[name][1]), False


def finished(array: np.ndarray, name: str) -> np.ndarray:
    """An array of `storage` as one of the element type itself."""
    dtype = dtype_of(name)
    return array.astype(dtype) if name in _INTEGERS else array.view(dtype)


def _stored(array: np.ndarray) -> tuple[np.ndarray, str] | None:
    """The array's memory under a type that has the buffer protocol, with the library's name."""
    ours = _NARROW_NAMES.get(array.dtype.name)
    if ours is None:
        return None
    dtype = NARROW[ours][1]
    return (array.astype(dtype) if ours in _INTEGERS else array.view(dtype)), ours


def _as_array(value, name: str, wanted: np.dtype | None):
    if isinstance(value, np.ndarray):
        return value
    if hasattr(value, "__dlpack__") and not hasattr(value, "__array__"):
        return np.from_dlpack(value)
    if hasattr(value, "detach") and hasattr(value, "numpy"):  # a tensor of torch
        value = value.detach()
        try:
            return value.cpu().numpy()
        except TypeError:  # bfloat16
            import torch

            return value.cpu().view(torch.int16).numpy().view(dtype_of("bf16"))
    try:
        if hasattr(value, "__array__"):
            return np.asarray(value)
        return np.asarray(value, dtype=wanted)
    except (TypeError, ValueError, OverflowError) as error:
        raise UsageError(f"input '{name}' is {type(value).__name__}, no array: {error}") from None


def dense(value, wanted: str, name: str) -> tuple[np.ndarray, str]:
    """The value as a dense array in native byte order, with the library's name of its type. Plain
    numbers and lists become the type that is wanted."""
    array = _as_array(value, name, dtype_of(wanted) if wanted != "string" else None)
    array = np.asarray(array, order="C")
    if not array.flags.c_contiguous:
        array = np.ascontiguousarray(array)
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    if not array.flags.aligned:
        array = array.copy()
    stored = _stored(array)
    if stored:
        return stored
    for ours, dtype in NUMPY.items():
        if array.dtype == dtype:
            # A memory layout that the buffer protocol refuses is copied.
            return array.astype(dtype, order="C", copy=True), ours
    raise UsageError(
        f"input '{name}' has elements of type {array.dtype}, expected {wanted}",
        "convert it with astype",
    )


def writable(array, name: str) -> tuple[np.ndarray, str]:
    """The memory of an array that an output goes to."""
    if isinstance(array, np.ndarray) and array.flags.c_contiguous and array.flags.writeable:
        stored = _stored(array)
        if stored and stored[1] not in _INTEGERS:
            return stored
    raise UsageError(f"the array for output '{name}' is no dense, writable array of numbers")


def text(value, name: str) -> tuple[tuple[int, ...], list[str]]:
    """Text as (shape, elements)."""
    array = value if isinstance(value, np.ndarray) else np.asarray(value, dtype=object)
    if array.dtype.kind == "V":  # raw bytes
        items = [bytes(x).decode("utf-8", "surrogateescape") for x in array.ravel().tolist()]
        return array.shape, items
    if array.dtype.kind not in "OUST":
        raise UsageError(f"input '{name}' has elements of type {array.dtype}, expected text")
    items = []
    for item in array.ravel().tolist():
        if isinstance(item, bytes):
            item = item.decode("utf-8", "surrogateescape")
        if not isinstance(item, str):
            raise UsageError(f"input '{name}' has an element of type {type(item).__name__}")
        items.append(item)
    return array.shape, items


def text_array(shape: tuple[int, ...], items: list[str]) -> np.ndarray:
    """Text as numpy has it: an array of str objects."""
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array.reshape(shape)


def sequence(value, name: str) -> list:
    """The items of a sequence."""
    if isinstance(value, (list, tuple)):
        return list(value)
    raise UsageError(f"input '{name}' is {type(value).__name__}, expected a list")


def file_path(source) -> str:
    """The path as text."""
    path = os.fspath(source)
    return os.fsdecode(path)

"""OrtValue: an array, text, a list or nothing, with onnxruntime's ways of looking at it."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._errors import missing
from ._options import OrtDeviceVendorId
from ._types import number_of, numpy_type, spelled_of

_DEVICES = {"cpu": 0, "cuda": 1, "gpu": 1, "npu": 2, "dml": 4, "cann": 3, "webgpu": 5}
_VENDORS = {
    "cuda": OrtDeviceVendorId.NVIDIA,
    "dml": OrtDeviceVendorId.MICROSOFT,
    "cann": OrtDeviceVendorId.HUAWEI,
}


def _cpu_only(device_type: str, device_id: int = 0) -> None:
    if device_type != "cpu" or device_id != 0:
        raise RuntimeError(f"Can't allocate memory on device {device_type}:{device_id}: only the CPU")


class OrtDevice:
    """A device by name; only the CPU can hold values."""

    def __init__(self, name: str, device_id: int, vendor: int) -> None:
        self._name, self._id, self._vendor = name, device_id, vendor

    @staticmethod
    def make(name: str, device_id: int, vendor_id: int = -1) -> OrtDevice:
        if name not in _DEVICES:
            raise Exception("Unsupported device type: " + name)
        vendor = _VENDORS.get(name, OrtDeviceVendorId.NONE) if vendor_id < 0 else vendor_id
        return OrtDevice(name, device_id, vendor)

    def device_id(self) -> int:
        return self._id

    def device_type(self) -> int:
        return _DEVICES[self._name]

    def device_vendor_id(self) -> int:
        return self._vendor

    def device_mem_type(self) -> int:
        return 0

    def _get_c_device(self) -> OrtDevice:
        return self


class OrtValue:
    """A value for sessions. What numpy lends is shared, not copied: it must stay as it is while
    the value is in use."""

    __slots__ = ("_value",)

    def __init__(self, value: Any) -> None:
        self._value = value._value if isinstance(value, OrtValue) else value

    @classmethod
    def ortvalue_from_numpy(cls, array: np.ndarray, device_type: str = "cpu", device_id: int = 0):
        """A value over the array's memory (of a copy when it is not dense)."""
        _cpu_only(device_type, device_id)
        if not isinstance(array, np.ndarray) or array.dtype.kind in "OUS":
            raise RuntimeError(
                "Creation of OrtValues is currently only supported from non-string numpy arrays"
            )
        return cls(np.ascontiguousarray(array).reshape(array.shape))

    @classmethod
    def ortvalue_from_numpy_with_onnx_type(cls, data: np.ndarray, /, onnx_element_type: int):
        """The array's bytes as elements of another type of the same size."""
        dtype = numpy_type(onnx_element_type)
        if dtype.itemsize != data.dtype.itemsize:
            raise RuntimeError("the element sizes differ")
        return cls(np.ascontiguousarray(data).reshape(data.shape).view(dtype))

    @classmethod
    def ortvalue_from_shape_and_type(
        cls,
        shape: Any,
        element_type: Any,
        device_type: str = "cpu",
        device_id: int = 0,
        vendor_id: int = -1,
    ):
        """Zeros of that shape and type."""
        _cpu_only(device_type, device_id)
        return cls(np.zeros(tuple(shape), numpy_type(element_type)))

    @classmethod
    def from_dlpack(cls, data: Any, /):
        """Shares the memory of anything with DLPack, a capsule included."""
        if not hasattr(data, "__dlpack__"):
            data = _Capsule(data)
        return cls(np.from_dlpack(data))

    @classmethod
    def ort_value_from_sparse_tensor(cls, sparse_tensor: Any):
        raise missing("a sparse tensor as a value")

    def as_sparse_tensor(self):
        raise missing("a sparse tensor as a value")

    @property
    def _ortvalue(self) -> OrtValue:
        return self

    def _get_c_value(self) -> OrtValue:
        return self

    def _array(self) -> np.ndarray:
        if not isinstance(self._value, np.ndarray):
            raise RuntimeError("Only OrtValues that are Tensors are currently supported")
        return self._value

    def numpy(self) -> np.ndarray:
        """The elements, sharing the memory."""
        return self._array()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        array = self._array()
        if dtype is not None and np.dtype(dtype) != array.dtype:
            if copy is False:
                raise ValueError("another element type needs a copy")
            return array.astype(dtype)
        return array.copy() if copy else array

    def __dlpack__(self, **options: Any):
        return self._array().__dlpack__(**options)

    def to_dlpack(self):
        return self._array().__dlpack__()

    def __dlpack_device__(self) -> tuple[int, int]:
        return (1, 0)

    def data_ptr(self) -> int:
        return self._array().ctypes.data

    def device_name(self) -> str:
        return "cpu"

    def shape(self) -> list[int]:
        return list(self._array().shape)

    def data_type(self) -> str:
        if isinstance(self._value, list):
            inside = OrtValue(self._value[0]).data_type() if self._value else "tensor(float)"
            return f"seq({inside})"
        return spelled_of(self._array().dtype)

    def element_type(self) -> int:
        return number_of(self._array().dtype)

    def tensor_size_in_bytes(self) -> int:
        return self._array().nbytes

    def has_value(self) -> bool:
        return self._value is not None

    def is_tensor(self) -> bool:
        return isinstance(self._value, np.ndarray)

    def is_sparse_tensor(self) -> bool:
        return False

    def is_tensor_sequence(self) -> bool:
        return isinstance(self._value, list)

    def update_inplace(self, data: Any) -> None:
        """Copies elements into the value's memory."""
        data = np.asarray(data)
        array = self._array()
        if data.nbytes != array.nbytes:
            raise RuntimeError(
                "The input size of numpy arrays does not match the size of the OrtValue."
            )
        array[...] = data.reshape(array.shape)


class _Capsule:
    """A capsule of DLPack as an object that has one."""

    def __init__(self, capsule: Any) -> None:
        self._capsule = capsule

    def __dlpack__(self, **options: Any):
        return self._capsule

    def __dlpack_device__(self) -> tuple[int, int]:
        return (1, 0)


class OrtValueVector(list):
    """Values in a row."""


class SparseTensor:
    """Not supported: every way of making one says so."""

    @staticmethod
    def sparse_coo_from_numpy(*arguments: Any):
        raise missing("SparseTensor", "give the dense array")

    @staticmethod
    def sparse_csr_from_numpy(*arguments: Any):
        raise missing("SparseTensor", "give the dense array")


def copy_tensors(src: Any, dst: Any, stream: Any = None) -> None:
    """Copies each value's elements into the other's memory."""
    for a, b in zip(src, dst, strict=True):
        b.update_inplace(a.numpy())

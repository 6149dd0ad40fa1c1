"""The Python interface of onnxruntime on this package's models.

``import gossamer.onnxruntime as ort`` in place of ``import onnxruntime as ort``, or run a script
as it is: ``python -m gossamer.onnxruntime script.py ...``. docs/onnxruntime.md lists what behaves
alike, what differs, and what is left out.
"""

from __future__ import annotations

from typing import Any

from .. import _core
from ._errors import (
    EngineError,
    EPFail,
    Fail,
    InvalidArgument,
    InvalidGraph,
    InvalidProtobuf,
    ModelLoaded,
    NoModel,
    NoSuchFile,
    NotImplemented,
    RuntimeException,
    missing,
)
from ._log import (
    set_default_logger_callback,
    set_default_logger_severity,
    set_default_logger_verbosity,
)
from ._options import (
    ExecutionMode,
    ExecutionOrder,
    GraphOptimizationLevel,
    ModelMetadata,
    NodeArg,
    OrtAllocatorType,
    OrtArenaCfg,
    OrtDeviceMemoryType,
    OrtDeviceVendorId,
    OrtMemoryInfo,
    OrtMemType,
    OrtSparseFormat,
    RunOptions,
    SessionOptions,
)
from ._providers import get_all_providers, get_available_providers, get_device
from ._session import InferenceSession, IOBinding, Session
from ._value import OrtDevice, OrtValue, OrtValueVector, SparseTensor, copy_tensors

# The version of onnxruntime whose interface this is.
__version__ = "1.32.0"
SessionIOBinding = IOBinding


def get_version_string() -> str:
    """The version of onnxruntime whose interface this is."""
    return __version__


def get_build_info() -> str:
    """Says that this is Gossamer, and which."""
    return f"ORT Build Info: gossamer {_core.version}, interface of onnxruntime {__version__}"


def disable_telemetry_events() -> None:
    """Nothing: there is no telemetry."""


def enable_telemetry_events() -> None:
    """Nothing: there is no telemetry."""


def set_seed(seed: int) -> None:
    """Accepted; random operators draw the same numbers in every run."""


def has_collective_ops() -> bool:
    return False


def set_global_thread_pool_sizes(intra_op: int, inter_op: int) -> None:
    """Accepted; all sessions share the threads of the process."""


def create_and_register_allocator(info: Any, config: Any = None) -> None:
    """Accepted; memory here is planned."""


def create_and_register_allocator_v2(provider: str, info: Any, options: Any, config: Any) -> None:
    """Accepted; memory here is planned."""


def get_ep_devices() -> list:
    """No devices besides the CPU."""
    return []


def register_execution_provider_library(name: str, path: str) -> None:
    raise missing("register_execution_provider_library")


def unregister_execution_provider_library(name: str) -> None:
    raise missing("unregister_execution_provider_library")


def preload_dlls(cuda: bool = True, cudnn: bool = True, msvc: bool = True, directory=None) -> None:
    """Nothing: there are no libraries of devices to load."""


def print_debug_info() -> None:
    """Prints what this is."""
    print(get_build_info())


def __getattr__(name: str) -> Any:
    if name in ("LoraAdapter", "AdapterFormat", "ModelCompiler", "ModelPackage"):
        raise AttributeError(f"gossamer.onnxruntime has no {name}: it is not supported")
    raise AttributeError(f"module 'gossamer.onnxruntime' has no attribute '{name}'")

"""Options, enumerations and descriptions: plain objects with onnxruntime's names."""

from __future__ import annotations

import enum
from typing import Any

from .. import _core
from ._errors import missing


class GraphOptimizationLevel(enum.IntEnum):
    """Accepted; every model is compiled in the same way, which changes no answer."""

    ORT_DISABLE_ALL = 0
    ORT_ENABLE_BASIC = 1
    ORT_ENABLE_EXTENDED = 2
    ORT_ENABLE_LAYOUT = 3
    ORT_ENABLE_ALL = 99


class ExecutionMode(enum.IntEnum):
    """Accepted; steps follow each other, each on all threads."""

    ORT_SEQUENTIAL = 0
    ORT_PARALLEL = 1


class ExecutionOrder(enum.IntEnum):
    DEFAULT = 0
    PRIORITY_BASED = 1
    MEMORY_EFFICIENT = 2


class OrtAllocatorType(enum.IntEnum):
    INVALID = -1
    ORT_DEVICE_ALLOCATOR = 0
    ORT_ARENA_ALLOCATOR = 1


class OrtMemType(enum.IntEnum):
    CPU_INPUT = -2
    CPU_OUTPUT = -1
    CPU = -1
    DEFAULT = 0


class OrtDeviceMemoryType(enum.IntEnum):
    DEFAULT = 0
    HOST_ACCESSIBLE = 5


class OrtSparseFormat(enum.IntEnum):
    ORT_SPARSE_UNDEFINED = 0
    ORT_SPARSE_COO = 1
    ORT_SPARSE_CSRC = 2
    ORT_SPARSE_BLOCK_SPARSE = 4


class OrtDeviceVendorId(enum.IntEnum):
    NONE = 0x0000
    AMD = 0x1002
    NVIDIA = 0x10DE
    ARM = 0x13B5
    MICROSOFT = 0x1414
    HUAWEI = 0x19E5
    QUALCOMM = 0x5143
    INTEL = 0x8086


class _Checked:
    """An object with the attributes of its table and no others, each of its own kind."""

    _fields: dict[str, tuple[type, Any]] = {}

    def __init__(self) -> None:
        for name, (_, value) in self._fields.items():
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_"):
            object.__setattr__(self, name, value)
            return
        if name not in self._fields:
            raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")
        kind = self._fields[name][0]
        fits = isinstance(value, kind) and not (kind is int and isinstance(value, enum.Enum))
        if kind is int and hasattr(value, "__index__"):
            value, fits = int(value), True
        if kind is str and hasattr(value, "__fspath__"):
            value, fits = value.__fspath__(), True
        if not fits:
            raise TypeError(f"{name} is {kind.__name__}, not {type(value).__name__}")
        object.__setattr__(self, name, value)


class SessionOptions(_Checked):
    """How a session is made. ``intra_op_num_threads`` (0: as many as there are CPUs), profiling,
    overrides and ``optimized_model_filepath`` have effect; what tunes onnxruntime's own allocator,
    optimizer and thread pools is accepted and changes nothing."""

    _fields = {
        "enable_cpu_mem_arena": (bool, True),
        "enable_mem_pattern": (bool, True),
        "enable_mem_reuse": (bool, True),
        "enable_profiling": (bool, False),
        "execution_mode": (ExecutionMode, ExecutionMode.ORT_SEQUENTIAL),
        "execution_order": (ExecutionOrder, ExecutionOrder.DEFAULT),
        "graph_optimization_level": (
            GraphOptimizationLevel,
            GraphOptimizationLevel.ORT_ENABLE_ALL,
        ),
        "inter_op_num_threads": (int, 0),
        "intra_op_num_threads": (int, 0),
        "log_severity_level": (int, -1),
        "log_verbosity_level": (int, 0),
        "logid": (str, ""),
        "optimized_model_filepath": (str, ""),
        "profile_file_prefix": (str, "onnxruntime_profile_"),
        "use_deterministic_compute": (bool, False),
        "use_per_session_threads": (bool, True),
    }

    def __init__(self) -> None:
        super().__init__()
        self._config: dict[str, str] = {}
        self._dims: dict[str, int] = {}
        self._initializers: dict[str, Any] = {}

    def add_session_config_entry(self, key: str, value: str) -> None:
        """Keeps an entry; ``session.set_denormal_as_zero`` has effect."""
        if not isinstance(key, str) or not isinstance(value, str):
            raise TypeError("add_session_config_entry takes two str")
        self._config[key] = value

    def get_session_config_entry(self, key: str) -> str:
        if key not in self._config:
            raise RuntimeError(f"SessionOptions does not have configuration with key: {key}")
        return self._config[key]

    def add_free_dimension_override_by_name(self, name: str, value: int) -> None:
        """Fixes the open extents that have this symbol."""
        self._dims[name] = int(value)

    def add_free_dimension_override_by_denotation(self, denotation: str, value: int) -> None:
        raise missing(
            "add_free_dimension_override_by_denotation",
            "add_free_dimension_override_by_name fixes extents by their symbol",
        )

    def add_initializer(self, name: str, value: Any) -> None:
        """Puts a value in the place of an initializer of the model."""
        self._initializers[name] = value

    def add_external_initializers(self, names: Any, values: Any) -> None:
        raise missing("add_external_initializers", "keep external data beside the model")

    def add_external_initializers_from_files_in_memory(self, *arguments: Any) -> None:
        raise missing("add_external_initializers_from_files_in_memory")

    def register_custom_ops_library(self, path: str) -> None:
        raise missing(
            "register_custom_ops_library",
            "operators of your own come through the C interface, gossamer.h",
        )

    def has_providers(self) -> bool:
        return False

    def add_provider(self, name: str, options: dict) -> None:
        raise missing("SessionOptions.add_provider", "give providers to InferenceSession")

    def add_provider_for_devices(self, devices: Any, options: dict) -> None:
        raise missing("SessionOptions.add_provider_for_devices")


class RunOptions(_Checked):
    """How one run is made. ``terminate`` ends it, also when set from another thread while it is
    under way."""

    _fields = {
        "log_severity_level": (int, -1),
        "log_verbosity_level": (int, 0),
        "logid": (str, ""),
        "only_execute_path_to_fetches": (bool, False),
        "terminate": (bool, False),
    }

    def __init__(self) -> None:
        self._flag = _core.Flag()
        self._config: dict[str, str] = {}
        super().__init__()

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name == "terminate":
            self._flag.raised = value

    def add_run_config_entry(self, key: str, value: str) -> None:
        self._config[key] = value

    def get_run_config_entry(self, key: str) -> str:
        if key not in self._config:
            raise RuntimeError(f"RunOptions does not have configuration with key: {key}")
        return self._config[key]

    def add_active_adapter(self, adapter: Any) -> None:
        raise missing("RunOptions.add_active_adapter")


class NodeArg:
    """An input or output: ``name``, ``type`` such as "tensor(float)", ``shape`` as a list of int,
    of str for a symbol, of None for an open extent."""

    __slots__ = ("name", "shape", "type")

    def __init__(self, name: str, type: str, shape: list) -> None:  # noqa: A002
        self.name, self.type, self.shape = name, type, shape

    def __repr__(self) -> str:
        return f"NodeArg(name={self.name!r}, type={self.type!r}, shape={self.shape})"


class ModelMetadata:
    """What the file says of itself."""

    __slots__ = (
        "custom_metadata_map",
        "description",
        "domain",
        "graph_description",
        "graph_name",
        "producer_name",
        "version",
    )

    def __init__(self, meta: dict[str, Any]) -> None:
        self.custom_metadata_map = meta["metadata"]
        self.description = meta.get("description", "")
        self.domain = meta.get("domain", "")
        self.graph_description = meta.get("graph_description", "")
        self.graph_name = meta["graph_name"]
        self.producer_name = meta["producer_name"]
        # A file that states no version has the largest, as in onnxruntime.
        self.version = meta.get("version") or 2**63 - 1


class OrtMemoryInfo:
    """Where memory lies: always on the CPU."""

    def __init__(self, name: str, allocator_type: Any, device_id: int, mem_type: Any) -> None:
        self.name, self.allocator_type = name, allocator_type
        self.device_id, self.mem_type = device_id, mem_type
        self.device_mem_type, self.device_vendor_id = OrtDeviceMemoryType.DEFAULT, 0


class OrtArenaCfg:
    """Accepted where onnxruntime takes it; memory here is planned and has no such arena."""

    def __init__(self, *values: Any) -> None:
        names = (
            "max_mem",
            "arena_extend_strategy",
            "initial_chunk_size_bytes",
            "max_dead_bytes_per_chunk",
            "initial_growth_chunk_size_bytes",
            "max_power_of_two_extend_bytes",
        )
        given = values[0] if len(values) == 1 and isinstance(values[0], dict) else {}
        if not given:
            if len(values) != 4:
                raise TypeError("OrtArenaCfg takes four numbers or one dict")
            given = dict(zip(names, values, strict=False))
        for name in names:
            setattr(self, name, given.get(name, -1))
        if unknown := given.keys() - set(names):
            raise RuntimeError(f"Invalid OrtArenaCfg option: {min(unknown)}")

"""InferenceSession and IOBinding on the models of this package."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .. import _core
from .._errors import Error, UsageError
from .._model import _threads
from . import _errors as errors
from ._log import log
from ._options import ModelMetadata, NodeArg, OrtMemoryInfo, OrtAllocatorType, OrtMemType
from ._options import RunOptions, SessionOptions
from ._providers import settled
from ._types import numpy_type, spelled, spelled_of
from ._value import OrtValue, OrtValueVector, _cpu_only

_NOTHING: dict = {}


def _args(rows: list) -> list[NodeArg]:
    return [NodeArg(n, spelled(t), [] if s is None else list(s)) for n, t, s in rows]


class Session:
    """What every session has; see :class:`InferenceSession`."""

    def get_session_options(self) -> SessionOptions:
        return self._sess_options

    def get_inputs(self) -> list[NodeArg]:
        return self._inputs_meta

    def get_outputs(self) -> list[NodeArg]:
        return self._outputs_meta

    def get_overridable_initializers(self) -> list[NodeArg]:
        return self._overridable_initializers

    def get_modelmeta(self) -> ModelMetadata:
        return self._model_meta

    def get_providers(self) -> list[str]:
        return list(self._providers)

    def get_provider_options(self) -> dict[str, dict[str, str]]:
        return {k: dict(v) for k, v in self._providers.items()}

    def set_providers(self, providers: Any = None, provider_options: Any = None) -> None:
        """Checks the names; the CPU stays what runs.

        Raises:
            RuntimeError: a name that no build of onnxruntime knows.
        """
        self._providers = settled(providers, provider_options)

    def disable_fallback(self) -> None:
        self._enable_fallback = False

    def enable_fallback(self) -> None:
        self._enable_fallback = True

    def _memory_infos(self, count: int) -> list[OrtMemoryInfo]:
        cpu = OrtMemoryInfo("Cpu", OrtAllocatorType.ORT_DEVICE_ALLOCATOR, 0, OrtMemType.DEFAULT)
        return [cpu] * count

    def get_input_memory_infos(self) -> list[OrtMemoryInfo]:
        return self._memory_infos(len(self._inputs_meta))

    def get_output_memory_infos(self) -> list[OrtMemoryInfo]:
        return self._memory_infos(len(self._outputs_meta))

    def get_input_epdevices(self) -> list[None]:
        return [None] * len(self._inputs_meta)

    def get_tuning_results(self) -> list:
        return []

    def set_tuning_results(self, results: Any, *, error_on_invalid: bool = False) -> None:
        if results and error_on_invalid:
            raise RuntimeError("Cannot find execution provider: there is nothing to tune")

    def set_ep_dynamic_options(self, options: dict[str, str]) -> None:
        if options:
            raise errors.missing("set_ep_dynamic_options")

    # --- runs ---

    def run(
        self,
        output_names: Sequence[str] | None,
        input_feed: Mapping[str, Any],
        run_options: RunOptions | None = None,
    ) -> list:
        """Runs the model.

        Args:
            output_names: The outputs wanted, in that order; None or empty: all of them.
            input_feed: Arrays (lists of arrays for sequences, OrtValue) by the input's name.
            run_options: See :class:`RunOptions`.

        Returns:
            numpy arrays, lists of them for sequences, None for an optional output without value.

        Raises:
            ValueError: a required input is missing.
            InvalidArgument: an unknown name, or an element type or shape that does not fit.
            Fail: the run was ended by ``run_options.terminate``.
        """
        inputs = self._gather(input_feed)
        wanted = self._wanted(output_names) if output_names else None
        overrides = _NOTHING
        if len(input_feed) != len(self._names):
            overrides = self._overrides(input_feed)
        for i, value in enumerate(inputs):
            if type(value) is not np.ndarray:
                inputs[i] = self._taken(i, value)
        flag = run_options._flag if run_options is not None else None
        if flag is not None and flag.raised:
            raise errors.Fail("Exiting due to terminate flag being set to true.")
        try:
            if self._profile is None:
                results = self._core.run(inputs, None, overrides, flag, None)
            else:
                results = self._profiled(inputs, overrides, flag)
        except Error as error:
            raise self._diagnosed(error, inputs) from None
        return results if wanted is None else [results[i] for i in wanted]

    def _gather(self, feed: Mapping[str, Any]) -> list:
        try:
            return [feed[name] for name in self._names]
        except KeyError:
            pass
        given = list(feed.keys())
        required = [
            a.name
            for a in self._inputs_meta
            if a.name not in given and not a.type.startswith("optional")
        ]
        if required:
            raise ValueError(
                f"Required inputs ({required}) are missing from input feed ({given})."
            )
        return [feed.get(name) for name in self._names]

    def _wanted(self, names: Sequence[str]) -> list[int]:
        if isinstance(names, str):
            raise TypeError("run(): output_names is a sequence of str, not str")
        try:
            return [self._output_index[name] for name in names]
        except KeyError as error:
            raise errors.InvalidArgument(f"Invalid output name:{error.args[0]}") from None

    def _overrides(self, feed: Mapping[str, Any]) -> dict[str, Any]:
        defaults = {a.name for a in self._overridable_initializers}
        out = {}
        for name, value in feed.items():
            if name in self._known:
                continue
            if name not in defaults:
                raise errors.InvalidArgument(f"Invalid input name: {name}")
            out[name] = np.asarray(value)
        return out

    def _taken(self, i: int, value: Any) -> Any:
        """A value that is no plain numpy array, as the model takes it."""
        arg = self._inputs_meta[i]
        if isinstance(value, OrtValue):
            return value._value
        if value is None and not arg.type.startswith("optional"):
            raise errors.Fail(f"Missing Input: {arg.name}")
        if isinstance(value, str) and arg.type.startswith("tensor"):
            raise RuntimeError(
                f"Input must be a list of dictionaries or a single numpy array for input "
                f"'{arg.name}'."
            )
        if isinstance(value, (int, float, complex, np.generic, dict, bytes)):
            raise RuntimeError(f"Unable to handle object of type {type(value)}")
        return value

    def _diagnosed(self, error: Error, inputs: list) -> Exception:
        """onnxruntime's words for inputs that do not fit."""
        if not isinstance(error, UsageError):
            return errors.of_running(error)
        for arg, value in zip(self._inputs_meta, inputs, strict=True):
            if not arg.type.startswith("tensor("):
                continue
            value = np.asarray(value)
            actual = spelled_of(value.dtype)
            if actual != arg.type:
                return errors.InvalidArgument(
                    f"Unexpected input data type. Actual: ({actual}) , expected: ({arg.type})"
                )
            shape = self._shapes[arg.name]
            if shape is None:
                continue
            if len(shape) != value.ndim:
                return errors.InvalidArgument(
                    f"Invalid rank for input: {arg.name} Got: {value.ndim} Expected: {len(shape)} "
                    "Please fix either the inputs/outputs or the model."
                )
            wrong = [
                f" index: {d} Got: {value.shape[d]} Expected: {extent}\n"
                for d, extent in enumerate(shape)
                if isinstance(extent, int) and extent != value.shape[d]
            ]
            if wrong:
                return errors.InvalidArgument(
                    f"Got invalid dimensions for input: {arg.name} for the following indices\n"
                    + "".join(wrong)
                    + " Please fix either the inputs/outputs or the model."
                )
        return errors.of_running(error)

    def run_async(
        self,
        output_names: Sequence[str] | None,
        input_feed: Mapping[str, Any],
        callback: Callable[[list, Any, str], None],
        user_data: Any,
        run_options: RunOptions | None = None,
    ) -> None:
        """Like :meth:`run`, on another thread, which calls callback(results, user_data, error);
        error is empty when all went well.

        Raises:
            InvalidArgument: the session has a single thread.
        """
        if self._sess_options.intra_op_num_threads == 1:
            raise errors.InvalidArgument(
                "intra op thread pool must have at least one thread for RunAsync"
            )
        self._gather(input_feed)

        def work() -> None:
            try:
                results, failure = self.run(output_names, input_feed, run_options), ""
            except Exception as error:
                results, failure = [], str(error)
            callback(results, user_data, failure)

        _threads().submit(work)

    def run_with_ort_values(
        self,
        output_names: Sequence[str] | None,
        input_dict_ort_values: Mapping[str, OrtValue],
        run_options: RunOptions | None = None,
    ) -> list[OrtValue]:
        """:meth:`run` from and to :class:`OrtValue`."""
        results = self.run(output_names, input_dict_ort_values, run_options)
        return OrtValueVector(OrtValue(value) for value in results)

    def run_with_ortvaluevector(
        self,
        run_options: RunOptions | None,
        feed_names: Sequence[str],
        feeds: Sequence[OrtValue],
        fetch_names: Sequence[str],
        fetches: list,
        fetch_devices: Any = None,
    ) -> None:
        """:meth:`run` on values in rows; results are appended to ``fetches``."""
        feed = dict(zip(feed_names, feeds, strict=True))
        fetches.extend(self.run_with_ort_values(fetch_names, feed, run_options))

    def io_binding(self) -> IOBinding:
        return IOBinding(self)

    def run_with_iobinding(
        self, iobinding: IOBinding, run_options: RunOptions | None = None
    ) -> None:
        """Runs on what was bound; bound memory is read and written in place."""
        if iobinding._session is not self:
            raise ValueError("IOBinding must be used with the session that created it.")
        iobinding._run(run_options)

    # --- profiles ---

    def _profiled(self, inputs: list, overrides: dict, flag: Any) -> list:
        rows: list[dict] = []
        begin = time.time_ns()
        results = self._core.run(inputs, None, overrides, flag, rows)
        base = (begin - self._profile_start) / 1000
        pid = os.getpid()
        for row in rows:
            self._profile.append(
                {
                    "cat": "Node",
                    "pid": pid,
                    "tid": pid,
                    "dur": int(row["ms"] * 1000),
                    "ts": int(base + row["start_ms"] * 1000),
                    "ph": "X",
                    "name": row["step"] + "_kernel_time",
                    "args": {"op_name": row["operation"], "provider": "CPUExecutionProvider"},
                }
            )
        total = (time.time_ns() - begin) // 1000
        self._profile.append(
            {
                "cat": "Session",
                "pid": pid,
                "tid": pid,
                "dur": total,
                "ts": int(base),
                "ph": "X",
                "name": "model_run",
                "args": {},
            }
        )
        return results

    def end_profiling(self) -> str:
        """Writes the profile, a trace for Chromium's viewer, and gives its file's name; "" when
        profiling was not enabled."""
        if self._profile is None:
            return ""
        events, self._profile = self._profile, None
        stamp = time.strftime("%Y-%m-%d_%H-%M-%S")
        name = f"{self._sess_options.profile_file_prefix}_{stamp}_{id(self) & 0xFFFF}.json"
        with open(name, "w", encoding="utf-8") as file:
            file.write("[\n" + ",\n".join(json.dumps(e) for e in events) + "\n]\n")
        return name

    def get_profiling_start_time_ns(self) -> int:
        """Comparable with time.time_ns(); 0 when profiling was not enabled."""
        return self._profile_start


class InferenceSession(Session):
    """A model from a path or bytes, ready to run.

    Args:
        path_or_bytes: A path of an .onnx file (or .goss package), or bytes of one.
        sess_options: See :class:`SessionOptions`.
        providers: Names, or (name, options) pairs; all but the CPU are left out.
        provider_options: Options one a name.

    Raises:
        NoSuchFile, InvalidProtobuf, InvalidGraph, Fail: the model cannot be loaded.
        TypeError: ``path_or_bytes`` is neither.
    """

    def __init__(
        self,
        path_or_bytes: str | bytes | os.PathLike,
        sess_options: SessionOptions | None = None,
        providers: Any = None,
        provider_options: Any = None,
        **kwargs: Any,
    ) -> None:
        self._enable_fallback = int(kwargs.get("enable_fallback", 1)) == 1
        if isinstance(path_or_bytes, (str, os.PathLike)):
            self._model_path, self._model_bytes = os.fspath(path_or_bytes), None
        elif isinstance(path_or_bytes, bytes):
            self._model_path, self._model_bytes = None, path_or_bytes
        else:
            raise TypeError(f"Unable to load from type '{type(path_or_bytes)}'")
        if sess_options is not None and not isinstance(sess_options, SessionOptions):
            raise TypeError(f"sess_options is {type(sess_options).__name__}, not SessionOptions")
        self._sess_options = sess_options if sess_options is not None else SessionOptions()
        self._settle(providers, provider_options)
        self._load(self._sess_options)

    @property
    def _sess(self) -> InferenceSession:
        return self

    def _settle(self, providers: Any, provider_options: Any) -> None:
        try:
            self._providers = settled(providers, provider_options)
        except RuntimeError as error:
            if not self._enable_fallback:
                raise
            log(3, f"{error}; falling back to CPUExecutionProvider", self._sess_options.logid)
            self._providers = settled(None, None)

    def _settings(self, options: SessionOptions) -> dict[str, Any]:
        settings: dict[str, Any] = {}
        if options.intra_op_num_threads > 0:
            settings["threads"] = options.intra_op_num_threads
        if options._dims:
            settings["dims"] = dict(options._dims)
        if options._initializers:
            settings["initializers"] = {
                name: np.array(value.numpy()) for name, value in options._initializers.items()
            }
        return settings

    def _load(self, options: SessionOptions) -> None:
        source = self._model_bytes if self._model_path is None else self._model_path
        if self._model_path is not None and not os.path.exists(self._model_path):
            path = self._model_path
            raise errors.NoSuchFile(
                f"Load model from {path} failed:Load model {path} failed. File doesn't exist"
            )
        if source == b"":
            raise errors.InvalidArgument("No graph was found in the protobuf.")
        try:
            core = _core.Model.open(source, self._settings(options))
            core.prepare()
            if options.optimized_model_filepath:
                core.written(True, None, options.optimized_model_filepath)
            self._model_meta = ModelMetadata(core.meta())
        except Error as error:
            raise errors.of_loading(error, self._model_path) from None
        self._core = core
        rows = core.inputs()
        self._shapes = {name: shape for name, _, shape in rows}
        self._inputs_meta = _args(rows)
        self._outputs_meta = _args(core.outputs())
        self._overridable_initializers = _args(core.defaults())
        self._names = [a.name for a in self._inputs_meta]
        self._known = frozenset(self._names)
        self._output_index = {a.name: i for i, a in enumerate(self._outputs_meta)}
        self._profile: list[dict] | None = [] if options.enable_profiling else None
        self._profile_start = time.time_ns() if options.enable_profiling else 0
        what = self._model_path or f"{len(source)} bytes"
        log(0, f"session of {what} made", options.logid, options.log_severity_level)


class IOBinding:
    """Inputs and outputs fixed before a run; memory that is bound is used in place."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._inputs: dict[str, Any] = {}
        self._bound: dict[str, OrtValue | None] = {}
        self._outputs: list[OrtValue] = []

    @property
    def _iobinding(self) -> IOBinding:
        return self

    def _check_input(self, name: str) -> None:
        known = self._session._known
        if name not in known and name not in {
            a.name for a in self._session._overridable_initializers
        }:
            raise RuntimeError(f"Failed to find NodeArg with name: {name} in the def list")

    def bind_cpu_input(self, name: str, arr_on_cpu: np.ndarray) -> None:
        """Binds an array."""
        self._check_input(name)
        self._inputs[name] = np.asarray(arr_on_cpu)

    def bind_ortvalue_input(self, name: str, ortvalue: OrtValue) -> None:
        self._check_input(name)
        self._inputs[name] = ortvalue

    def bind_input(
        self,
        name: str,
        device_type: str,
        device_id: int,
        element_type: Any,
        shape: Sequence[int],
        buffer_ptr: int,
    ) -> None:
        """Binds memory by its address."""
        _cpu_only(device_type, device_id)
        self._check_input(name)
        self._inputs[name] = _array_at(buffer_ptr, numpy_type(element_type), shape)

    def bind_output(
        self,
        name: str,
        device_type: str = "cpu",
        device_id: int = 0,
        element_type: Any = None,
        shape: Sequence[int] | None = None,
        buffer_ptr: int | None = None,
    ) -> None:
        """Binds an output, to memory of the caller's when an address is given."""
        _cpu_only(device_type, device_id)
        if buffer_ptr is None:
            self._bound[name] = None
            return
        if element_type is None or shape is None:
            raise ValueError("memory for an output needs element_type and shape")
        self._bound[name] = OrtValue(_array_at(buffer_ptr, numpy_type(element_type), shape))

    def bind_ortvalue_output(self, name: str, ortvalue: OrtValue) -> None:
        """The output is written into the value's memory."""
        self._bound[name] = ortvalue

    def synchronize_inputs(self) -> None:
        """Nothing: memory of the CPU is always up to date."""

    def synchronize_outputs(self) -> None:
        """Nothing: memory of the CPU is always up to date."""

    def get_outputs(self) -> list[OrtValue]:
        """The bound outputs of the last run, in the order of binding."""
        return list(self._outputs)

    def get_outputs_as_ortvaluevector(self) -> OrtValueVector:
        return OrtValueVector(self._outputs)

    def copy_outputs_to_cpu(self) -> list:
        """The outputs of the last run as numpy has them."""
        return [value._value for value in self._outputs]

    def clear_binding_inputs(self) -> None:
        self._inputs.clear()

    def clear_binding_outputs(self) -> None:
        self._bound.clear()
        self._outputs = []

    def _run(self, run_options: RunOptions | None) -> None:
        if not self._bound:
            raise RuntimeError("Error in execution: At least one output should be requested.")
        session = self._session
        names = list(self._bound)
        if all(value is None for value in self._bound.values()):
            try:
                results = session.run(names, self._inputs, run_options)
            except ValueError as error:
                raise RuntimeError(f"Error in execution: {error}") from None
            self._outputs = [OrtValue(value) for value in results]
            return
        wanted = session._wanted(names)
        inputs = session._gather(self._inputs)
        for i, value in enumerate(inputs):
            if type(value) is not np.ndarray:
                inputs[i] = session._taken(i, value)
        out: list[Any] = [None] * len(session._output_index)
        for i, name in zip(wanted, names, strict=True):
            bound = self._bound[name]
            out[i] = None if bound is None else bound._array()
        flag = run_options._flag if run_options is not None else None
        try:
            results = session._core.run(inputs, out, _NOTHING, flag, None)
        except Error as error:
            raise session._diagnosed(error, inputs) from None
        self._outputs = [self._bound[n] or OrtValue(results[i]) for i, n in zip(wanted, names)]


def _array_at(address: int, dtype: np.dtype, shape: Sequence[int]) -> np.ndarray:
    """An array over memory of the caller's."""
    import ctypes

    shape = tuple(shape)
    count = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    memory = (ctypes.c_char * count).from_address(address)
    return np.frombuffer(memory, dtype).reshape(shape)

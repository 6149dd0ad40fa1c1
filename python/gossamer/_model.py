"""Models: loading, running, looking inside, writing."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from . import _core
from ._arrays import dtype_of
from ._errors import UsageError

if TYPE_CHECKING:
    from concurrent.futures import Future

atexit.register(_core.finish_work)


@dataclass(frozen=True)
class Port:
    """An input or output of a model.

    ``shape`` has an ``int`` for each extent that is fixed, a ``str`` for one that has a symbol,
    ``None`` for one that is open; it is ``None`` itself when the number of axes is open or the
    value is no tensor. ``type`` is the whole type as text: ``"f32[1,3,h,w]"``, ``"seq(i64[?])"``.
    """

    name: str
    type: str
    shape: tuple[int | str | None, ...] | None

    @property
    def is_tensor(self) -> bool:
        return "(" not in self.type and self.type not in ("map", "?")

    @property
    def dtype(self) -> np.dtype | None:
        """The element type of a tensor (``object`` for text), else ``None``."""
        return dtype_of(self.type.partition("[")[0]) if self.is_tensor else None


class Difference(NamedTuple):
    """How far an output of one model is from that of another.

    ``largest`` and ``rms`` are of the absolute differences, ``relative`` is ``rms`` over the root
    mean square of what was expected; ``same_top`` is the share of rows (along the last axis) whose
    largest element stands in the same place. NaN stands for outputs that are no numbers.
    """

    name: str
    largest: float
    rms: float
    relative: float
    same_top: float


_executor = None
_executor_owner = 0
_executor_lock = threading.Lock()


def _threads():
    """The threads that run_async uses; a fork's child makes its own."""
    global _executor, _executor_owner
    with _executor_lock:
        if _executor is None or _executor_owner != os.getpid():
            from concurrent.futures import ThreadPoolExecutor

            _executor = ThreadPoolExecutor(_core.available_cpus(), "gossamer")
            _executor_owner = os.getpid()
        return _executor


def _after_fork() -> None:
    global _executor_lock
    _executor_lock = threading.Lock()


os.register_at_fork(after_in_child=_after_fork)


def _ports(rows: Iterable[tuple]) -> tuple[Port, ...]:
    return tuple(Port(n, t, None if s is None else tuple(s)) for n, t, s in rows)


class Model:
    """A model, ready to run. `load` makes it.

    A model may be called by several threads at once; each call has working memory of its own, and
    all share the weights. The first call compiles what came from an .onnx file. Models survive a
    fork, and pickle by what they were loaded from.

    Examples:
        >>> model = load("model.onnx")
        >>> model
        <gossamer.Model 'model.onnx' (X: f32[N,2])>
        >>> model(X=np.ones((1, 2), np.float32))
        array([[3.]], dtype=float32)
        >>> out = np.zeros((1, 1), np.float32)
        >>> model([[2, 2]], out=out) is out
        True
        >>> model.run_async([[0, 1]]).result()
        array([[2.]], dtype=float32)
        >>> package = model.compile("model.goss")
        >>> compare(package, model)[0].largest
        0.0
        >>> model([[1, 2, 3]])
        Traceback (most recent call last):
        ...
        gossamer._errors.UsageError: ...
    """

    #: What `compress` did to make this model; None for others.
    compression: dict[str, Any] | None = None

    def __init__(self, source: str | os.PathLike | bytes, **options: Any) -> None:
        self._source = source if isinstance(source, bytes) else os.fspath(source)
        self._options = options
        self._core = _core.Model.open(source, options)
        self._inputs = _ports(self._core.inputs())
        self._names = [p.name for p in self._inputs]
        self._known = frozenset(self._names)
        self._output_names = [row[0] for row in self._core.outputs()]

    @property
    def inputs(self) -> tuple[Port, ...]:
        """What the model takes, in order."""
        return self._inputs

    @property
    def outputs(self) -> tuple[Port, ...]:
        """What it gives, in order."""
        return _ports(self._core.outputs())

    def __repr__(self) -> str:
        source = f"{len(self._source)} bytes" if isinstance(self._source, bytes) else self._source
        takes = ", ".join(f"{p.name}: {p.type}" for p in self._inputs)
        return f"<gossamer.Model {source!r} ({takes})>"

    def __reduce__(self):
        return _reload, (self._source, self._options)

    def prepare(self) -> Model:
        """Compiles now rather than at the first call.

        Raises:
            UnsupportedError: an operator is not known.
        """
        self._core.prepare()
        return self

    def _ordered(self, values: tuple, feeds: Mapping[str, Any]) -> list:
        if len(values) > len(self._names):
            raise UsageError(
                f"the model takes {len(self._names)} inputs, {len(values)} were given"
            )
        if not feeds and len(values) == len(self._names):
            return list(values)
        given = dict(zip(self._names, values, strict=False))
        for name, value in feeds.items():
            if name not in self._known:
                raise UsageError(
                    f"the model has no input '{name}'",
                    "it takes " + ", ".join(f"{p.name}: {p.type}" for p in self._inputs),
                )
            if name in given:
                raise UsageError(f"input '{name}' is given twice")
            given[name] = value
        for port in self._inputs:
            if port.name not in given and not port.type.startswith("opt("):
                raise UsageError(f"input '{port.name}' is missing", f"it expects {port.type}")
        return [given.get(name) for name in self._names]

    def __call__(self, *values: Any, out: Any = None, **feeds: Any) -> Any:
        """Runs the model.

        Args:
            *values: Inputs in the model's order: arrays of numpy or of anything with the buffer
                protocol or DLPack, lists and numbers; lists of arrays for sequences, None for an
                optional input that is left out. Dense arrays of the right type are not copied.
            out: Arrays that outputs are written into: one array, a sequence with an array or None
                for each output, or a mapping from names.
            **feeds: Inputs by name.

        Returns:
            The output when the model has one, else a dict of outputs by name; numpy arrays that
            belong to the caller.

        Raises:
            UsageError: an input is missing, unknown or does not fit what the model declares.
            LimitError: memory runs out.
            KeyboardInterrupt: Ctrl-C; the run ends within a tenth of a second.
        """
        results = self.run(self._ordered(values, feeds), out)
        if len(results) == 1:
            return results[0]
        return dict(zip(self._output_names, results, strict=True))

    def run(
        self, inputs: Sequence[Any] | Mapping[str, Any], out: Any = None, *, flag: Any = None
    ) -> list:
        """Runs the model on inputs in order or by name; gives its outputs in order.

        Args:
            inputs: One value an input, or a mapping from names.
            out: As for calling the model.
            flag: A `gossamer._core.Flag`; raised by any thread it ends the run.

        Raises:
            UsageError: as for calling the model.
            Interrupted: the flag was raised.
        """
        if isinstance(inputs, Mapping):
            inputs = self._ordered((), inputs)
        elif not isinstance(inputs, list):
            inputs = list(inputs)
        if out is not None:
            out = self._arrays_for(out)
        return self._core.run(inputs, out, _NOTHING, flag, None)

    def _arrays_for(self, out: Any) -> list:
        if isinstance(out, Mapping):
            unknown = out.keys() - set(self._output_names)
            if unknown:
                raise UsageError(f"the model has no output '{min(unknown)}'")
            return [out.get(name) for name in self._output_names]
        if isinstance(out, (list, tuple)):
            return list(out)
        return [out]

    def run_async(self, *values: Any, out: Any = None, **feeds: Any) -> Future:
        """Like calling the model, on a thread of the package; gives a ``concurrent.futures.Future``
        of what the call would give. Inputs must stay as they are until it is done."""
        return _threads().submit(self.__call__, *values, out=out, **feeds)

    def info(self) -> dict[str, Any]:
        """What is inside: the file's own words, opsets, operators by name, parameters, bytes of
        constants by element type, multiply-accumulates (an expression over symbols where extents
        are open), the peak of activations in bytes. Of a package: its steps and bytes."""
        return self._core.info()

    def optimize(self, path: str | os.PathLike | None = None, *, opset: int | None = None) -> Model:
        """The model with fewer nodes and the same answers.

        Args:
            path: Where to write it as .onnx; None keeps it in memory.
            opset: The ONNX opset to write for; raised to what the model needs.

        Returns:
            The optimized model.

        Raises:
            UsageError: this model is a package, or no such folder.
        """
        if path is None:
            return Model(self._core.written(True, opset, None), **self._options)
        self._core.written(True, opset, os.fspath(path))
        return Model(path, **self._options)

    def compress(
        self,
        recipe: Any,
        samples: Any = None,
        *,
        metric: Callable[[Model], float] | None = None,
        path: str | os.PathLike | None = None,
        opset: int | None = None,
    ) -> Model:
        """A smaller model, by a recipe (docs/recipes.md).

        Args:
            recipe: A path of a YAML file, its text, or a dict that says the same.
            samples: Real inputs: a path of a folder, file or list, or any iterable of samples as the
                model is called with them: an array, a list of arrays in the model's order, or a
                dict by name. They are read once and kept on disk while this works.
            metric: Called with the model before and after; tells how good it is.
            path: Where to write it as .onnx; None keeps it in memory.
            opset: Opset to write; None: what the model needs.

        Returns:
            The smaller model, loaded. Its ``compression`` has ``before`` and ``after`` (``nodes``,
            ``macs``, ``constant_bytes``, and ``metric`` if one is given), ``notes``, ``samples``
            (how many) and ``recipe``.

        Raises:
            UsageError: the recipe is wrong, or a sample does not fit.
        """
        from ._samples import recipe_text, stored

        text = recipe_text(recipe)
        with stored(samples, self._names) as folder:
            report = self._core.compressed(text, folder, opset, path and os.fspath(path))
        made = report.pop("model")
        small = Model(made if path is None else path, **self._options)
        if metric is not None:
            report["before"]["metric"] = metric(self)
            report["after"]["metric"] = metric(small)
        small.compression = report
        return small

    def compile(self, path: str | os.PathLike | None = None) -> Model:
        """The model as a package, which opens at once.

        Args:
            path: Where to write it as .goss; None keeps it in memory.

        Returns:
            The package, loaded.
        """
        run = {k: v for k, v in self._options.items() if k in ("threads", "max_bytes", "keep_tiny")}
        if path is None:
            return Model(self._core.packaged(None), **run)
        self._core.packaged(os.fspath(path))
        return Model(path, **run)

    def save(self, path: str | os.PathLike) -> None:
        """Writes a package when the path ends in .goss, else the model as .onnx. A file that is
        there is replaced whole or stays as it was.

        Raises:
            FileError: the file cannot be written.
            UsageError: a package cannot become .onnx again.
        """
        path = os.fspath(path)
        if str(path).endswith(".goss"):
            self._core.packaged(path)
        elif isinstance(self._source, bytes) and not self._core.is_package:
            with open(path, "wb") as file:
                file.write(self._source)
        else:
            self._core.written(False, None, path)

    def samples(self, seed: int = 0, size: int = 1) -> list[np.ndarray]:
        """Made-up inputs: normal numbers for floats, zeros for the rest; open extents get
        ``size``."""
        made = np.random.default_rng(seed)
        values = []
        for port in self._inputs:
            if not port.is_tensor or port.dtype == object:
                raise UsageError(f"input '{port.name}' is {port.type}: give it yourself")
            shape = [e if isinstance(e, int) else size for e in port.shape or ()]
            if port.dtype.kind == "f" or port.type.startswith("bf16"):
                values.append(made.standard_normal(shape, np.float32).astype(port.dtype))
            else:
                values.append(np.zeros(shape, port.dtype))
        return values

    def _values(self, values: tuple, feeds: Mapping[str, Any]) -> list:
        return self._ordered(values, feeds) if values or feeds else self.samples()

    def bench(self, *values: Any, seconds: float = 2.0, **feeds: Any) -> dict[str, Any]:
        """Times runs on these inputs, or on `samples`.

        Returns:
            ``first_ms``, ``median_ms``, ``p95_ms``, ``least_ms``, ``runs``, ``threads``,
            ``arena_bytes``.
        """
        return self._core.bench(self._values(values, feeds), seconds)

    def profile(self, *values: Any, **feeds: Any) -> list[dict[str, Any]]:
        """Runs once and tells of every step: ``step``, ``operation``, ``kernel`` (else scalar
        code), ``depth`` (of loops and branches), ``start_ms``, ``ms``, ``threads``, ``flops``,
        ``bytes``."""
        rows: list[dict[str, Any]] = []
        self._core.run(self._values(values, feeds), None, _NOTHING, None, rows)
        return rows

    def compare(self, other: Model, *values: Any, **feeds: Any) -> list[Difference]:
        """`compare` with another model, whose answers are what is expected."""
        return compare(self, other, *values, **feeds)


_NOTHING: dict = {}


def _reload(source: str | bytes, options: dict) -> Model:
    return Model(source, **options)


def load(
    source: Any,
    *,
    threads: int = 0,
    dims: Mapping[str, int] | None = None,
    shapes: Mapping[str, Sequence[int]] | None = None,
    bind: Mapping[str, Any] | None = None,
    max_bytes: int | None = None,
    keep_tiny: bool = False,
) -> Model:
    """Loads a model.

    Args:
        source: A path of an .onnx file or a .goss package, the bytes of either, or an
            ``onnx.ModelProto``.
        threads: How many threads a run may use; 0: as many as the process has CPUs.
        dims: Open extents to fix, by symbol.
        shapes: Shapes of inputs to fix, by name.
        bind: Values of inputs that the model's structure depends on, by name. Without them they
            are taken from each call, and a program is kept for each of the last eight.
        max_bytes: The most working memory; what needs more fails with LimitError.
        keep_tiny: Compute with denormal floats instead of taking them as zeros.

    Raises:
        FileError: there is no such file.
        MalformedError: the file breaks its format.
        UnsupportedError: its version is newer than this one knows.
    """
    if hasattr(source, "SerializeToString"):
        source = source.SerializeToString()
    elif isinstance(source, (bytearray, memoryview)):
        source = bytes(source)
    options = {
        "threads": threads or None,
        "dims": dict(dims) if dims else None,
        "shapes": {k: tuple(v) for k, v in shapes.items()} if shapes else None,
        "bind": {k: np.array(v) for k, v in bind.items()} if bind else None,
        "max_bytes": max_bytes,
        "keep_tiny": keep_tiny or None,
    }
    return Model(source, **{k: v for k, v in options.items() if v is not None})


def compare(model: Model, expected: Model, *values: Any, **feeds: Any) -> list[Difference]:
    """Runs both models on the same inputs (made up when none are given) and tells how far the
    first one's outputs are from the second's.

    Raises:
        UsageError: the outputs differ in number or shape.
    """
    inputs = expected._values(values, feeds)
    got, want = model.run(inputs), expected.run(inputs)
    if len(got) != len(want):
        raise UsageError(f"one model has {len(got)} outputs, the other {len(want)}")
    out = []
    for name, a, b in zip(expected._output_names, got, want, strict=True):
        nan = float("nan")
        if not isinstance(a, np.ndarray) or a.dtype == object:
            out.append(Difference(name, nan, nan, nan, nan))
            continue
        if a.shape != b.shape:
            raise UsageError(f"output '{name}' has shape {a.shape}, expected {b.shape}")
        x, y = a.astype(np.float64), b.astype(np.float64)
        if not x.size:
            out.append(Difference(name, 0.0, 0.0, 0.0, 1.0))
            continue
        rms = float(np.sqrt(np.mean((x - y) ** 2)))
        scale = float(np.sqrt(np.mean(y**2)))
        same = np.mean(np.argmax(x, -1) == np.argmax(y, -1)) if x.ndim else 1.0
        relative = rms / scale if scale else (0.0 if rms == 0 else float("inf"))
        out.append(Difference(name, float(np.max(np.abs(x - y))), rms, relative, float(same)))
    return out

"""The stand-in for onnxruntime. Every test runs on the real one, too: what it says there is what it
must say here. docs/onnxruntime.md lists the behaviors by the names of these tests."""

import ctypes
import gc
import importlib
import json
import os
import pathlib
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from onnx import TensorProto

from . import models

X = np.array([[1, 2], [3, 4], [5, 6]], np.float32)
SQUARES = np.array([[1, 4], [9, 16], [25, 36]], np.float32)
CPU = ["CPUExecutionProvider"]


@pytest.fixture(params=["onnxruntime", "gossamer.onnxruntime"])
def ort(request):
    module = importlib.import_module(request.param)
    module.set_default_logger_severity(4)
    yield module
    module.set_default_logger_severity(2)


def errors(ort):
    return importlib.import_module(ort.__name__ + ".capi.onnxruntime_pybind11_state")


def session(ort, model=None, options=None, **more):
    return ort.InferenceSession(models.mul() if model is None else model, options, CPU, **more)


def failure(call) -> tuple[str, str]:
    """The exception's class and the beginning of its message."""
    with pytest.raises(Exception) as caught:  # noqa: PT011 - any of them
        call()
    return type(caught.value).__name__, str(caught.value)


def same_failure(calls) -> None:
    """The calls, given a module, fail alike on both."""
    real, ours = (
        failure(lambda m=importlib.import_module(name): calls(m))
        for name in ("onnxruntime", "gossamer.onnxruntime")
    )
    assert ours[0] == real[0]
    assert ours[1].split("\nhint")[0] == real[1].rstrip("\n") or ours[1] == real[1]


# --- the module ---


def test_version_and_build(ort):
    assert ort.get_version_string() == ort.__version__
    assert "Build Info" in ort.get_build_info()
    assert "CPU" in ort.get_device()


def test_providers(ort):
    assert CPU[0] in ort.get_available_providers()
    assert ort.get_all_providers()[-1] == CPU[0]
    made = ort.InferenceSession(models.mul(), providers=ort.get_available_providers())
    assert CPU[0] in made.get_providers()
    assert session(ort).get_providers() == CPU
    assert session(ort).get_provider_options() == {CPU[0]: {}}
    with pytest.warns(UserWarning, match="not in available provider names"):
        assert ort.InferenceSession(
            models.mul(), providers=["CUDAExecutionProvider", *CPU]
        ).get_providers() == CPU
    made = ort.InferenceSession(models.mul(), providers=[(CPU[0], {"a": 1})])
    assert made.get_providers() == CPU


@pytest.mark.filterwarnings("ignore:Specified provider")
def test_unknown_provider(ort):
    with pytest.raises(RuntimeError, match="Unknown Provider Type: InvalidProvider"):
        session(ort).set_providers(["InvalidProvider"])
    assert ort.InferenceSession(models.mul(), providers=["InvalidProvider"]).get_providers() == CPU
    with pytest.raises(RuntimeError, match="Unknown Provider Type"):
        ort.InferenceSession(models.mul(), providers=["InvalidProvider"], enable_fallback=0)


def test_normalized_provider_arguments(ort):
    place = importlib.import_module(ort.__name__ + ".capi.onnxruntime_inference_collection")
    check = place.check_and_normalize_provider_args
    known = ["a", "b", "c"]
    assert check(None, None, known) == ([], [])
    assert check(["a"], None, known) == (["a"], [{}])
    assert check([("a", {1: 2}), "b"], None, known) == (["a", "b"], [{"1": "2"}, {}])
    assert check(["a", "b"], [{1: 2}, {}], known) == (["a", "b"], [{"1": "2"}, {}])
    with pytest.warns(UserWarning, match="Duplicate"):
        doubled = check(["a", "b", "a"], [{"x": 1}, {}, {"y": 2}], known)
    assert doubled == (["a", "b"], [{"x": "1"}, {}])
    for wrong in (
        (3, None),
        ([3], None),
        (["a"], 3),
        (["a"], ["not dict"]),
        (["a", "b"], [{1: 2}]),
        ([("a", {1: 2})], [{3: 4}]),
    ):
        with pytest.raises(ValueError):  # noqa: PT011 - its words differ
            check(*wrong, known)


def test_telemetry_and_seed(ort):
    ort.disable_telemetry_events()
    ort.enable_telemetry_events()
    ort.set_seed(1)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_logger(ort):
    messages = []
    ort.set_default_logger_callback(lambda *record: messages.append(record), severity=0)
    made = session(ort)
    np.testing.assert_array_equal(made.run(["Y"], {"X": X})[0], SQUARES)
    assert messages
    for severity, *texts in messages:
        assert isinstance(severity, int) and len(texts) == 4
        assert all(isinstance(text, str) for text in texts)
    for wrong in (5, -1):
        with pytest.raises(RuntimeError):
            ort.set_default_logger_callback(print, severity=wrong)
        with pytest.raises(RuntimeError):
            ort.set_default_logger_severity(wrong)
    with pytest.raises(RuntimeError):
        ort.set_default_logger_callback("not a callable")

    def fails(*record):
        raise ValueError("on purpose")

    ort.set_default_logger_callback(fails, severity=0)
    session(ort)
    ort.set_default_logger_callback(None)


# --- loading ---


def test_load_from_path_and_bytes(ort, tmp_path):
    path = tmp_path / "mul.onnx"
    path.write_bytes(models.mul())
    for source in (path, str(path), models.mul()):
        np.testing.assert_array_equal(session(ort, source).run([], {"X": X})[0], SQUARES)


@pytest.mark.parametrize("source", ["/nowhere/at/all.onnx", b"", 3, None, bytearray(b"x")])
def test_load_failures(source):
    same_failure(lambda ort: ort.InferenceSession(source, providers=CPU))


def test_load_garbage(ort):
    assert failure(lambda: session(ort, b"no model at all"))[0] == "InvalidProtobuf"
    name, text = failure(lambda: session(ort, models.unknown()))
    assert name == "InvalidGraph" and "Nope" in text
    assert failure(lambda: session(ort, models.unknown("acme")))[0] == "InvalidGraph"
    assert failure(lambda: ort.InferenceSession(models.mul(), "options"))[0] == "TypeError"


def test_exceptions(ort):
    place = errors(ort)
    for name in (
        "EPFail",
        "EngineError",
        "Fail",
        "InvalidArgument",
        "InvalidGraph",
        "InvalidProtobuf",
        "ModelLoaded",
        "NoModel",
        "NoSuchFile",
        "NotImplemented",
        "RuntimeException",
    ):
        assert issubclass(getattr(place, name), Exception)


def test_model_serialization(ort, tmp_path):
    options = ort.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimized.onnx")
    session(ort, options=options)
    again = session(ort, tmp_path / "optimized.onnx")
    np.testing.assert_array_equal(again.run(None, {"X": X})[0], SQUARES)


# --- what a session tells ---


def described(args):
    return [(a.name, a.type, a.shape) for a in args]


def test_inputs_and_outputs(ort):
    made = session(ort)
    assert described(made.get_inputs()) == [("X", "tensor(float)", [3, 2])]
    assert described(made.get_outputs()) == [("Y", "tensor(float)", [3, 2])]
    assert str(made.get_inputs()[0]) == "NodeArg(name='X', type='tensor(float)', shape=[3, 2])"
    assert len(made.get_input_memory_infos()) == len(made.get_output_memory_infos()) == 1
    assert len(made.get_input_epdevices()) == 1


def test_symbolic_shapes(ort):
    made = session(ort, models.matmul())
    assert described(made.get_inputs()) == [("X", "tensor(float)", ["N", 2])]
    assert described(made.get_outputs()) == [("Y", "tensor(float)", ["N", 1])]
    np.testing.assert_array_equal(made.run(["Y"], {"X": X})[0], [[5], [11], [17]])
    assert made.run(None, {"X": X[:0]})[0].shape == (0, 1)


def test_symbols_that_differ(ort):
    for symbol in ("?", "n"):  # one stands for anything, onnxruntime lets the other, too
        made = session(ort, models.outer(symbol))
        assert described(made.get_inputs())[0][2] == [symbol, 1]
        for a, b in ((2, 3), (3, 3), (2, 3), (4, 1)):
            x, y = np.arange(a, dtype=np.float32), np.arange(b, dtype=np.float32)
            got = made.run(None, {"x": x[:, None], "y": y[None]})[0]
            np.testing.assert_array_equal(got, x[:, None] + y[None])


def test_overridable_initializers(ort):
    made = session(ort, models.defaulted())
    assert described(made.get_inputs()) == [("X", "tensor(float)", [3, 2])]
    assert described(made.get_overridable_initializers()) == [("W", "tensor(float)", [3, 2])]
    np.testing.assert_array_equal(made.run(None, {"X": X})[0], SQUARES + 1)
    np.testing.assert_array_equal(made.run(None, {"X": X, "W": 2 * X})[0], 2 * SQUARES + 1)
    np.testing.assert_array_equal(made.run(None, {"X": X, "W": 0 * X})[0], 0 * X + 1)


def test_model_meta(ort):
    from onnx import helper

    proto = models.build([helper.make_node("Abs", ["x"], ["y"])], [models.info("x", [1])],
                         [models.info("y", [1])], producer_name="maker", domain="d",
                         doc_string="what it is", model_version=7)
    helper.set_model_props(proto, {"key": "value"})
    meta = session(ort, proto.SerializeToString()).get_modelmeta()
    assert (meta.producer_name, meta.graph_name, meta.domain) == ("maker", "graph", "d")
    assert (meta.description, meta.version) == ("what it is", 7)
    assert meta.custom_metadata_map == {"key": "value"} and meta.graph_description == ""
    assert session(ort).get_modelmeta().version == 2**63 - 1


# --- runs ---


def test_run(ort):
    made = session(ort)
    for names in (None, [], ["Y"]):
        (y,) = made.run(names, {"X": X})
        np.testing.assert_array_equal(y, SQUARES)
    assert len(made.run(["Y", "Y"], {"X": X})) == 2
    assert y.flags.writeable and y.dtype == np.float32


def test_run_of_any_layout(ort):
    made = session(ort, models.matmul())
    np.testing.assert_array_equal(made.run(None, {"X": X[:, [1, 0]][:, [1, 0]]})[0][:, 0], X @ [1, 2])
    np.testing.assert_array_equal(made.run(None, {"X": X[::-1]})[0][:, 0], X[::-1] @ [1, 2])
    np.testing.assert_array_equal(made.run(None, {"X": np.asfortranarray(X)})[0][:, 0], X @ [1, 2])


def test_list_as_input(ort):
    np.testing.assert_array_equal(session(ort).run([], {"X": X.tolist()})[0], SQUARES)


def test_some_outputs_in_any_order(ort):
    made = session(ort, models.passed_through())
    x = np.ones((1, 2, 2, 2), np.float32)
    again, plus = made.run(["x", "plus"], {"x": x})
    assert again[0, 0, 0, 0] == 1 and plus[0, 0, 0, 0] == 11
    assert len(made.run(["x"], {"x": x})) == 1


def test_output_is_no_alias_of_input(ort):
    made = session(ort, models.passed_through())
    kept = []
    for i in range(7):
        x = np.full((1, 2, 2, 2), i, np.float32)
        kept.append(made.run(None, {"x": x}))
        assert not np.shares_memory(kept[-1][1], x)
        x[:] = -1
    for i, (plus, again) in enumerate(kept):
        assert (plus == i + 10).all() and (again == i).all()


def test_booleans(ort):
    made = session(ort, models.both())
    assert [a.name for a in made.get_inputs()] == ["input1:0", "input:0"]
    assert made.get_inputs()[0].type == "tensor(bool)"
    a, b = np.array([[True, True], [False, False]]), np.array([[True, False], [True, False]])
    assert (made.run(None, {"input1:0": a, "input:0": b})[0] == (a & b)).all()


@pytest.mark.parametrize(
    "x",
    [
        np.array([["this", "is"], ["identity", "test"]]),
        np.array([["Ol\u00e1", "\u4f60\u597d"], ["\uc5ec\ubcf4\uc138\uc694", "hello"]]),
        np.array([["this", "is"], ["identity", "test"]], object),
        [["this", "is"], ["identity", "test"]],
    ],
)
def test_text(ort, x):
    made = session(ort, models.identity(TensorProto.STRING))
    assert made.get_inputs()[0].type == made.get_outputs()[0].type == "tensor(string)"
    y = made.run(None, {"input:0": x})[0]
    assert y.dtype == object and y.tolist() == np.asarray(x).tolist()


# (Without room for a zero behind each, the real one runs from one element on into the next.)
@pytest.mark.parametrize("dtype", ["S5", np.void])
def test_bytes_as_text(ort, dtype):
    made = session(ort, models.identity(TensorProto.STRING))
    x = np.array([b"must", b"have", b"same", b"size"], dtype).reshape(2, 2)
    y = made.run(None, {"input:0": x})[0]
    assert y.tolist() == [["must", "have"], ["same", "size"]]


def test_sequences(ort):
    made = session(ort, models.sequence_length())
    assert made.get_inputs()[0].type == "seq(tensor(float))"
    assert made.get_outputs()[0].type == "tensor(int64)"
    assert made.run(None, {"X": [X, X]})[0] == 2
    a, b = np.arange(6).reshape(2, 3), np.ones((2, 3), np.int64)
    made = session(ort, models.sequence_construct())
    assert made.get_outputs()[0].type == "seq(tensor(int64))"
    (s,) = made.run(None, {"a": a, "b": b})
    assert isinstance(s, list) and (s[0] == a).all() and (s[1] == b).all()
    (s,) = session(ort, models.sequence_insert()).run(None, {"s": [], "t": a})
    assert len(s) == 1 and (s[0] == a).all()


def test_optional_sequence(ort):
    made = session(ort, models.optional_sequence())
    assert made.get_inputs()[0].type == "optional(seq(tensor(float)))"
    x = [np.arange(5, dtype=np.float32)]
    np.testing.assert_array_equal(made.run(None, {"o": x})[0], x)


def test_threads(ort):
    made = session(ort)
    wrong = []

    def work(name):
        options = ort.RunOptions()
        options.logid = name
        for _ in range(50):
            if not np.array_equal(made.run([], {"X": X}, run_options=options)[0], SQUARES):
                wrong.append(name)

    threads = [threading.Thread(target=work, args=(f"thread{i}",)) for i in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


@pytest.mark.parametrize(
    "feed",
    [
        {},
        {"Z": X},
        {"X": X, "Z": X},
        {"X": X.astype(np.float64)},
        {"X": X.astype(np.int64)},
        {"X": X[:, :, None]},
        {"X": X.ravel()},
        {"X": np.ones((4, 2), np.float32)},
        {"X": np.ones((4, 5), np.float32)},
        {"X": [X]},
        {"X": "text"},
        {"X": 3.0},
        {"X": np.float32(3)},
        {"X": np.array([["a", "b"]] * 3)},
        {"X": X, "W": X},
    ],
)
def test_wrong_inputs(feed):
    same_failure(lambda ort: session(ort).run(None, feed))


def test_wrong_names_and_kinds(ort):
    same_failure(lambda m: session(m).run(["Z"], {"X": X}))
    made = session(ort)
    assert failure(lambda: made.run("Y", {"X": X}))[0] == "TypeError"
    assert failure(lambda: made.run(None, {"X": None}))[0] == "Fail"
    name, text = failure(lambda: session(ort, models.both()).run([], {"input:0": X}))
    assert name == "ValueError"
    assert "Required inputs (['input1:0']) are missing from input feed (['input:0'])" in text


def test_run_async(ort):
    options = ort.SessionOptions()
    options.intra_op_num_threads = 2
    made = session(ort, options=options)
    for feed, words in (({"X": X}, ""), ({"X": X.astype(float)}, "Unexpected input data type")):
        event, got = threading.Event(), []

        def callback(results, data, error, got=got, event=event):
            got.append((results, data, error))
            event.set()

        made.run_async(["Y"], feed, callback, "mine")
        assert event.wait(10)
        results, data, error = got[0]
        assert data == "mine" and words in error and bool(words) == bool(error)
        assert len(results) == (0 if words else 1)
    options.intra_op_num_threads = 1
    single = session(ort, options=options)
    assert failure(lambda: single.run_async(["Y"], {"X": X}, print, None))[0] == "InvalidArgument"


def test_terminate(ort):
    options = ort.RunOptions()
    options.terminate = True
    same = failure(lambda: session(ort).run(None, {"X": X}, options))
    assert same[0] == "Fail" and "terminate flag being set to true" in same[1]
    options = ort.RunOptions()
    threading.Timer(0.05, setattr, (options, "terminate", True)).start()
    made = session(ort, models.long_loop())
    feed = {"n": np.array(1 << 40), "x": np.zeros((96, 96), np.float32)}
    name, text = failure(lambda: made.run(None, feed, options))
    # The real one's loop wraps it.
    assert name in ("Fail", "RuntimeError") and "terminate flag being set to true" in text


# --- options ---


def test_options(ort):
    options = ort.SessionOptions()
    level = ort.GraphOptimizationLevel
    assert options.graph_optimization_level == level.ORT_ENABLE_ALL
    options.graph_optimization_level = level.ORT_ENABLE_EXTENDED
    assert options.graph_optimization_level == level.ORT_ENABLE_EXTENDED
    assert options.execution_mode == ort.ExecutionMode.ORT_SEQUENTIAL
    options.execution_mode = ort.ExecutionMode.ORT_PARALLEL
    assert options.execution_mode == ort.ExecutionMode.ORT_PARALLEL
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_mem_pattern = options.enable_cpu_mem_arena = False
    options.log_severity_level, options.log_verbosity_level, options.logid = 4, 1, "mine"
    options.add_session_config_entry("CONFIG_KEY", "CONFIG_VAL")
    assert options.get_session_config_entry("CONFIG_KEY") == "CONFIG_VAL"
    with pytest.raises(RuntimeError, match="does not have configuration with key: INVALID_KEY"):
        options.get_session_config_entry("INVALID_KEY")
    assert failure(lambda: setattr(options, "intra_op_num_threads", "x"))[0] == "TypeError"
    assert failure(lambda: setattr(options, "graph_optimization_level", 3))[0] == "TypeError"
    assert failure(lambda: setattr(options, "nope", 1))[0] == "AttributeError"
    made = session(ort, options=options)
    assert made.get_session_options().logid == "mine"
    np.testing.assert_array_equal(made.run(None, {"X": X})[0], SQUARES)


def test_option_defaults():
    real, ours = (
        importlib.import_module(name) for name in ("onnxruntime", "gossamer.onnxruntime")
    )
    for name in ("SessionOptions", "RunOptions"):
        a, b = getattr(real, name)(), getattr(ours, name)()
        for field in type(b)._fields:
            assert getattr(b, field) == getattr(a, field) or int(getattr(b, field)) == int(
                getattr(a, field)
            )
    for name in (
        "ExecutionMode",
        "ExecutionOrder",
        "GraphOptimizationLevel",
        "OrtAllocatorType",
        "OrtMemType",
        "OrtSparseFormat",
    ):
        theirs = {k: int(v) for k, v in getattr(real, name).__members__.items()}
        assert {k: int(v) for k, v in getattr(ours, name).__members__.items()} == theirs


def test_run_options(ort):
    options = ort.RunOptions()
    options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    assert options.get_run_config_entry("memory.enable_memory_arena_shrinkage") == "cpu:0"
    with pytest.raises(RuntimeError, match="does not have configuration with key: a"):
        options.get_run_config_entry("a")
    np.testing.assert_array_equal(session(ort).run(None, {"X": X}, options)[0], SQUARES)


def test_free_dimension_override_by_name(ort):
    options = ort.SessionOptions()
    options.add_free_dimension_override_by_name("N", 3)
    made = session(ort, models.matmul(), options)
    assert made.get_inputs()[0].shape == [3, 2]
    assert made.run(None, {"X": X})[0].shape == (3, 1)
    name, _ = failure(lambda: made.run(None, {"X": X[:2]}))
    assert name == "InvalidArgument"


def test_initializer_of_the_caller(ort):
    options = ort.SessionOptions()
    value = ort.OrtValue.ortvalue_from_numpy(np.array([[2, 1], [4, 3], [6, 5]], np.float32))
    options.add_initializer("W", value)
    y = session(ort, options=options).run(["Y"], {"X": X})[0]
    np.testing.assert_array_equal(y, [[2, 2], [12, 12], [30, 30]])


def test_profile(ort, tmp_path):
    options = ort.SessionOptions()
    options.enable_profiling = True
    options.profile_file_prefix = str(tmp_path / "profile")
    made = session(ort, options=options)
    begin = made.get_profiling_start_time_ns()
    assert 0 < begin <= time.time_ns()
    made.run([], {"X": X})
    path = pathlib.Path(made.end_profiling())
    assert path.parent == tmp_path
    lines = path.read_text().splitlines()
    assert "[" in lines[0] and "]" in lines[-1]
    for line in lines[1:-1]:
        assert all(tag in line for tag in ("pid", "dur", "ts", "ph", "X", "name", "args"))
    assert json.loads(path.read_text())
    assert session(ort).end_profiling() == ""


def test_arena_and_memory_info(ort):
    info = ort.OrtMemoryInfo(
        "Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT
    )
    assert (info.name, info.device_id, info.mem_type) == ("Cpu", 0, ort.OrtMemType.DEFAULT)
    assert info.allocator_type == ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR
    config = ort.OrtArenaCfg(8, 0, 4, 2)
    assert (config.max_mem, config.arena_extend_strategy) == (8, 0)
    assert (config.initial_chunk_size_bytes, config.max_dead_bytes_per_chunk) == (4, 2)
    config = ort.OrtArenaCfg({"max_mem": 16, "initial_growth_chunk_size_bytes": 2})
    assert (config.max_mem, config.initial_growth_chunk_size_bytes) == (16, 2)


# --- OrtValue and bindings ---


def test_ort_value(ort):
    x = X.copy()
    value = ort.OrtValue.ortvalue_from_numpy(x)
    assert (value.device_name(), value.shape(), value.data_type()) == ("cpu", [3, 2], "tensor(float)")
    assert value.is_tensor() and value.has_value() and not value.is_tensor_sequence()
    assert not value.is_sparse_tensor()
    assert value.tensor_size_in_bytes() == 24 and value.element_type() == 1
    assert value.data_ptr() == x.ctypes.data
    np.testing.assert_array_equal(value.numpy(), X)
    np.testing.assert_array_equal(session(ort).run(["Y"], {"X": value})[0], SQUARES)
    np.testing.assert_array_equal(value.numpy(), X)
    typed = ort.OrtValue.ortvalue_from_numpy_with_onnx_type(x, 1)
    assert typed.is_tensor() and typed.element_type() == 1 and typed.shape() == [3, 2]
    half = ort.OrtValue.ortvalue_from_numpy_with_onnx_type(np.zeros(3, np.uint16), 16)
    assert half.data_type() == "tensor(bfloat16)"
    made = ort.OrtValue.ortvalue_from_shape_and_type([2, 3], np.int64)
    assert made.shape() == [2, 3] and made.data_type() == "tensor(int64)"
    for wrong in ([1, 2], np.array(["a"])):
        with pytest.raises(RuntimeError, match="non-string numpy arrays"):
            ort.OrtValue.ortvalue_from_numpy(wrong)


def test_ort_value_update(ort):
    value = ort.OrtValue.ortvalue_from_numpy(X.copy())
    value.update_inplace(2 * X)
    np.testing.assert_array_equal(value.numpy(), 2 * X)
    with pytest.raises(RuntimeError, match="does not match the size"):
        value.update_inplace(X[:2])


def test_ort_value_as_array(ort):
    for array in (X, np.array([1, 2, 3]), np.array([True, False])):
        value = ort.OrtValue.ortvalue_from_numpy(array)
        shared = np.asarray(value)
        np.testing.assert_array_equal(shared, array)
        assert shared.dtype == array.dtype and shared.ctypes.data == value.data_ptr()
        assert np.asarray(value, dtype=np.float64).dtype == np.float64
        assert np.array(value).ctypes.data != value.data_ptr()


@pytest.mark.parametrize("shape", [(3, 2), (1, 8, 0, 4), (0,), (0, 4), (4, 0)])
def test_ort_value_dlpack(ort, shape):
    array = np.ones(shape, np.float32)
    value = ort.OrtValue.ortvalue_from_numpy(array)
    assert value.__dlpack_device__() == (1, 0)
    for source in (value.__dlpack__(), value, array):
        again = ort.OrtValue.from_dlpack(source)
        assert again.shape() == list(shape)
        np.testing.assert_array_equal(again.numpy(), array)
        if array.size:
            assert again.data_ptr() == array.ctypes.data
    flags = ort.OrtValue.from_dlpack(ort.OrtValue.ortvalue_from_numpy(np.array([True, False])))
    assert flags.numpy().dtype == np.bool_
    octets = ort.OrtValue.from_dlpack(ort.OrtValue.ortvalue_from_numpy(np.array([1, 255], np.uint8)))
    assert octets.numpy().dtype == np.uint8


def test_run_with_ort_values(ort):
    value = ort.OrtValue.ortvalue_from_numpy(X)
    made = session(ort)
    for names in (None, ["Y"]):
        (y,) = made.run_with_ort_values(names, {"X": value})
        assert isinstance(y, ort.OrtValue) and y.shape() == [3, 2]
        np.testing.assert_array_equal(y.numpy(), SQUARES)
    sequence = session(ort, models.sequence_construct())
    one = ort.OrtValue.ortvalue_from_numpy(np.ones((2, 3), np.int64))
    (s,) = sequence.run_with_ort_values(None, {"a": one, "b": one})
    assert s.is_tensor_sequence() and s.data_type() == "seq(tensor(int64))"
    with pytest.raises(ValueError, match="Required inputs"):
        made.run_with_ort_values(None, {})


def test_devices(ort):
    cpu = ort.OrtDevice.make("cpu", 0)
    assert (cpu.device_id(), cpu.device_type(), cpu.device_mem_type()) == (0, 0, 0)
    assert cpu.device_vendor_id() == ort.OrtDeviceVendorId.NONE
    assert ort.OrtDevice.make("cuda", 0).device_vendor_id() == ort.OrtDeviceVendorId.NVIDIA
    with pytest.raises(Exception, match="Unsupported device type"):
        ort.OrtDevice.make("abacus", 0)
    with pytest.raises(RuntimeError):
        ort.OrtValue.ortvalue_from_numpy(X, "cuda", 0)


def test_binding(ort):
    made = session(ort)
    binding = made.io_binding()
    binding.bind_cpu_input("X", X)
    binding.bind_output("Y")
    binding.synchronize_inputs()
    made.run_with_iobinding(binding)
    binding.synchronize_outputs()
    np.testing.assert_array_equal(binding.copy_outputs_to_cpu()[0], SQUARES)
    (y,) = binding.get_outputs()
    assert y.data_type() == "tensor(float)" and y.device_name() == "cpu"
    assert len(binding.get_outputs_as_ortvaluevector()) == 1
    binding.clear_binding_outputs()
    with pytest.raises(RuntimeError, match="At least one output should be requested"):
        made.run_with_iobinding(binding)
    with pytest.raises(RuntimeError, match="Failed to find NodeArg with name: Q in the def list"):
        binding.bind_cpu_input("Q", X)
    with pytest.raises(ValueError, match="session that created it"):
        session(ort).run_with_iobinding(binding)


def test_binding_to_memory(ort):
    made = session(ort)
    x, y = X.copy(), np.zeros((3, 2), np.float32)
    binding = made.io_binding()
    binding.bind_input("X", "cpu", 0, np.float32, [3, 2], x.ctypes.data)
    binding.bind_output("Y", "cpu", 0, np.float32, [3, 2], y.ctypes.data)
    made.run_with_iobinding(binding)
    np.testing.assert_array_equal(y, SQUARES)
    x *= 2
    made.run_with_iobinding(binding)
    np.testing.assert_array_equal(y, 2 * SQUARES)

    into = ort.OrtValue.ortvalue_from_numpy(np.zeros((3, 2), np.float32))
    binding = made.io_binding()
    binding.bind_ortvalue_input("X", ort.OrtValue.ortvalue_from_numpy(X))
    binding.bind_ortvalue_output("Y", into)
    made.run_with_iobinding(binding)
    np.testing.assert_array_equal(into.numpy(), SQUARES)
    assert binding.get_outputs()[0].data_ptr() == into.data_ptr()
    gc.collect()
    assert ctypes.c_float.from_address(into.data_ptr()).value == 1


# --- scripts as they are ---

SCRIPT = """
import sys
import numpy as np
import onnxruntime as rt
from onnxruntime import InferenceSession, SessionOptions
from onnxruntime.capi.onnxruntime_pybind11_state import InvalidArgument
session = InferenceSession(sys.argv[1], SessionOptions(), providers=rt.get_available_providers())
print(session.run(None, {"X": np.ones((3, 2), np.float32)})[0].tolist(), rt.get_build_info())
try:
    session.run(["no"], {"X": np.ones((3, 2), np.float32)})
except InvalidArgument as error:
    print(type(error).__name__)
"""


def test_script_runs_unchanged(tmp_path):
    (tmp_path / "mul.onnx").write_bytes(models.mul())
    (tmp_path / "script.py").write_text(SCRIPT)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}

    def run(*arguments):
        command = [sys.executable, *arguments, str(tmp_path / "mul.onnx")]
        return subprocess.run(
            command, capture_output=True, text=True, check=True, cwd=tmp_path, env=environment
        ).stdout.splitlines()

    script = str(tmp_path / "script.py")
    real = run(script)
    for ours in (
        run("-m", "gossamer.onnxruntime", script),
        run("-m", "gossamer.onnxruntime", "-m", "script"),
        run("-m", "gossamer.onnxruntime", "-c", SCRIPT),
    ):
        assert ours[0].split("]]")[0] == real[0].split("]]")[0] and "gossamer" in ours[0]
        assert ours[1] == real[1] == "InvalidArgument"
    usage = subprocess.run(
        [sys.executable, "-m", "gossamer.onnxruntime"], capture_output=True, env=environment
    )
    assert usage.returncode == 2 and b"usage:" in usage.stderr


def test_what_is_left_out_says_so():
    import gossamer.onnxruntime as ort

    options = ort.SessionOptions()
    for call in (
        lambda: options.register_custom_ops_library("x.so"),
        lambda: options.add_external_initializers(["a"], [None]),
        lambda: options.add_free_dimension_override_by_denotation("BATCH", 1),
        lambda: ort.SparseTensor.sparse_coo_from_numpy([2], X, X, None),
        lambda: ort.register_execution_provider_library("a", "b"),
        lambda: ort.RunOptions().add_active_adapter(None),
    ):
        with pytest.raises(errors(ort).NotImplemented, match="not supported"):
            call()
    with pytest.raises(AttributeError, match="not supported"):
        ort.ModelCompiler  # noqa: B018

"""The package's own interface: loading, calling, writing, threads, forks, signals, memory."""

import concurrent.futures
import multiprocessing
import os
import pathlib
import pickle
import signal
import subprocess
import sys
import threading
import time

import ml_dtypes
import numpy as np
import onnx
import pytest
from onnx import TensorProto

import gossamer
import gossamer.onnxruntime

from . import models

ONES = np.ones((3, 2), np.float32)


@pytest.fixture(scope="module")
def mul():
    return gossamer.load(models.mul())


def test_ways_of_loading(tmp_path):
    path = tmp_path / "mul.onnx"
    path.write_bytes(models.mul())
    proto = onnx.load_from_string(models.mul())
    for source in (path, str(path), models.mul(), bytearray(models.mul()), proto):
        np.testing.assert_array_equal(gossamer.load(source)(ONES), models.WEIGHT)


def test_ports():
    model = gossamer.load(models.matmul())
    (x,), (y,) = model.inputs, model.outputs
    assert (x.name, x.type, x.shape, x.dtype) == ("X", "f32[N,2]", ("N", 2), np.float32)
    assert (y.name, y.shape) == ("Y", ("N", 1))
    assert "X: f32[N,2]" in repr(model)
    assert gossamer.load(models.matmul(), dims={"N": 4}).inputs[0].shape == (4, 2)
    assert gossamer.load(models.matmul(), shapes={"X": (3, 2)}).inputs[0].shape == (3, 2)


def test_calling(mul):
    np.testing.assert_array_equal(mul(ONES), models.WEIGHT)
    np.testing.assert_array_equal(mul(X=ONES), models.WEIGHT)
    np.testing.assert_array_equal(mul(ONES.tolist()), models.WEIGHT)
    np.testing.assert_array_equal(mul(np.ones((2, 3), np.float32).T), models.WEIGHT)
    np.testing.assert_array_equal(mul(np.ones((6, 4), np.float32)[::2, ::2]), models.WEIGHT)
    np.testing.assert_array_equal(mul(ONES.astype(">f4")), models.WEIGHT)
    np.testing.assert_array_equal(mul(memoryview(ONES)), models.WEIGHT)
    assert mul.run([ONES])[0].flags.owndata
    several = gossamer.load(models.passed_through())
    answer = several(np.zeros((1, 2, 2, 2), np.float32))
    assert list(answer) == ["plus", "x"] and answer["plus"][0, 0, 0, 0] == 10


def test_unaligned_and_read_only(mul):
    raw = bytearray(25)
    view = np.frombuffer(raw, np.float32, 6, offset=1).reshape(3, 2)
    np.testing.assert_array_equal(mul(view), 0 * ONES)
    frozen = ONES.copy()
    frozen.flags.writeable = False
    np.testing.assert_array_equal(mul(frozen), models.WEIGHT)


class Lender:
    """Has DLPack and nothing else."""

    def __init__(self, array):
        self.array = array

    def __dlpack__(self, **options):
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


def test_dlpack(mul):
    np.testing.assert_array_equal(mul(Lender(ONES)), models.WEIGHT)
    np.testing.assert_array_equal(np.from_dlpack(mul(ONES)), models.WEIGHT)


def test_preallocated(mul):
    out = np.zeros((3, 2), np.float32)
    assert mul(ONES, out=out) is out
    np.testing.assert_array_equal(out, models.WEIGHT)
    model = gossamer.load(models.passed_through())
    x, plus = np.ones((1, 2, 2, 2), np.float32), np.zeros((1, 2, 2, 2), np.float32)
    answer = model(x, out={"plus": plus})
    assert answer["plus"] is plus and plus[0, 0, 0, 0] == 11
    for wrong in (np.zeros(3, np.float32), np.zeros((3, 2)), np.zeros((2, 3), np.float32).T, [1]):
        with pytest.raises(gossamer.UsageError, match="output 'Y'"):
            mul(ONES, out=wrong)
    with pytest.raises(gossamer.UsageError, match="overlaps"):
        mul(out, out=out)
    with pytest.raises(gossamer.UsageError, match="no output 'Q'"):
        mul(ONES, out={"Q": out})


def test_late_output():
    model = gossamer.load(models.nonzero())
    assert model(np.array([1, 0, 2], np.float32)).tolist() == [[0, 2]]
    out = np.zeros((1, 1), np.int64)
    assert model(np.array([0, 3], np.float32), out=out) is out and out[0, 0] == 1


@pytest.mark.parametrize(
    ("dtype", "code"),
    [
        (np.bool_, TensorProto.BOOL),
        (np.int8, TensorProto.INT8),
        (np.uint16, TensorProto.UINT16),
        (np.int32, TensorProto.INT32),
        (np.int64, TensorProto.INT64),
        (np.uint64, TensorProto.UINT64),
        (np.float16, TensorProto.FLOAT16),
        (np.float64, TensorProto.DOUBLE),
        (ml_dtypes.bfloat16, TensorProto.BFLOAT16),
        (ml_dtypes.float8_e4m3fn, TensorProto.FLOAT8E4M3FN),
        (ml_dtypes.int4, TensorProto.INT4),
        (ml_dtypes.uint4, TensorProto.UINT4),
    ],
)
def test_element_types(dtype, code):
    model = gossamer.load(models.identity(code, opset=21))
    x = np.array([[0, 1], [1, 0]]).astype(dtype)
    y = model(x)
    assert y.dtype == x.dtype and model.inputs[0].dtype == x.dtype
    np.testing.assert_array_equal(y, x)


def test_text_and_sequences():
    text = gossamer.load(models.identity(TensorProto.STRING))
    words = [["ol\u00e1", "b"], ["", "d"]]
    assert text(words).tolist() == words
    assert text(np.array(words)).tolist() == words
    two = [np.zeros((2, 3), np.int64), np.ones((2, 3), np.int64)]
    made = gossamer.load(models.sequence_construct())(*two)
    assert [x.tolist() for x in made] == [x.tolist() for x in two]
    assert gossamer.load(models.sequence_length())([ONES, ONES]) == 2
    optional = gossamer.load(models.optional_sequence())
    assert optional(None) is None
    assert optional([np.arange(5, dtype=np.float32)])[0].tolist() == [0, 1, 2, 3, 4]


def test_structure_that_depends_on_values():
    model = gossamer.load(models.reshape())
    x = np.arange(6, dtype=np.float32)
    for shape in ([2, 3], [3, -1], [1, 6, 1], [2, 3]):
        assert model(x, np.array(shape)).shape == x.reshape(shape).shape
    bound = gossamer.load(models.reshape(), bind={"shape": np.array([3, 2])})
    assert [p.name for p in bound.inputs] == ["x"] and bound(x).shape == (3, 2)
    assert bound.compile()(x).shape == (3, 2)


def test_usage_errors(mul):
    cases = {
        "takes 1 inputs": lambda: mul(ONES, ONES),
        "'X' is missing": lambda: mul(),
        "no input 'Z'": lambda: mul(Z=ONES),
        "given twice": lambda: mul(ONES, X=ONES),
        r"expects f32\[3,2\], got f64": lambda: mul(ONES.astype(float)),
        r"got f32\[4,2\]": lambda: mul(np.ones((4, 2), np.float32)),
        "no array": lambda: mul(object()),
        "elements of type datetime64": lambda: mul(np.zeros((3, 2), "datetime64[s]")),
    }
    for words, call in cases.items():
        with pytest.raises(gossamer.UsageError, match=words) as caught:
            call()
        assert isinstance(caught.value, gossamer.Error) and isinstance(caught.value, ValueError)
    with pytest.raises(gossamer.UsageError) as caught:
        mul()
    assert caught.value.hint and f"hint: {caught.value.hint}" in str(caught.value)


def test_load_errors(tmp_path):
    with pytest.raises(gossamer.Error, match="nowhere.onnx"):
        gossamer.load(tmp_path / "nowhere.onnx")
    with pytest.raises(gossamer.MalformedError):
        gossamer.load(b"no model")
    with pytest.raises(gossamer.UnsupportedError, match="Nope"):
        gossamer.load(models.unknown()).prepare()
    with pytest.raises(TypeError):
        gossamer.load(3)
    with pytest.raises(gossamer.LimitError):
        gossamer.load(models.long_loop(), max_bytes=16)(np.int64(1), np.ones((96, 96), np.float32))
    with pytest.raises(gossamer.UsageError, match="package"):
        gossamer.load(models.mul()).compile().optimize()


def test_writing(mul, tmp_path):
    package = mul.compile(tmp_path / "mul.goss")
    assert package.info()["kind"] == "package" and package.inputs[0].shape == (3, 2)
    np.testing.assert_array_equal(package(ONES), models.WEIGHT)
    np.testing.assert_array_equal(gossamer.load((tmp_path / "mul.goss").read_bytes())(ONES), mul(ONES))
    smaller = mul.optimize(tmp_path / "smaller.onnx", opset=20)
    onnx.checker.check_model(onnx.load(tmp_path / "smaller.onnx"))
    np.testing.assert_array_equal(smaller(ONES), models.WEIGHT)
    for name in ("copy.onnx", "copy.goss"):
        smaller.save(tmp_path / name)
        np.testing.assert_array_equal(gossamer.load(tmp_path / name)(ONES), models.WEIGHT)
    with pytest.raises(gossamer.Error, match="no/such"):
        mul.save(tmp_path / "no/such/folder.goss")


def test_looking_inside(mul):
    facts = mul.info()
    assert facts["operators"] == {"Mul": 1} and facts["opset"] == {"ai.onnx": 17}
    assert facts["parameters"] == 6
    assert mul.bench(seconds=0.01)["runs"] >= 10
    (step,) = mul.profile(ONES)
    assert step["kernel"] and step["ms"] >= 0
    (same,) = mul.compare(mul.compile())
    assert same.largest == 0 and same.same_top == 1


def test_pickle(mul, tmp_path):
    path = tmp_path / "mul.onnx"
    path.write_bytes(models.mul())
    for model in (mul, gossamer.load(path, threads=1)):
        again = pickle.loads(pickle.dumps(model))
        np.testing.assert_array_equal(again(ONES), models.WEIGHT)


def test_threads():
    model = gossamer.load(models.matmul())

    def work(seed: int) -> bool:
        x = np.random.default_rng(seed).standard_normal((seed + 1, 2), np.float32)
        return all(np.allclose(model(x)[:, 0], x @ [1, 2], atol=1e-5) for _ in range(200))

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(16)))
    assert model.run_async(np.ones((1, 2), np.float32)).result()[0, 0] == 3


def test_lock_is_released():
    model = gossamer.load(models.long_loop(), threads=1)
    x = np.zeros((96, 96), np.float32)
    model(np.int64(1), x)
    done = threading.Event()
    thread = threading.Thread(target=lambda: (model(np.int64(4000), x), done.set()))
    thread.start()
    ticks = 0
    while not done.is_set():
        ticks += 1
        time.sleep(0.001)
    thread.join()
    assert ticks > 3


def _child(model, queue):
    queue.put((model(ONES).tolist(), model.run_async(ONES).result().tolist()))


def test_fork(mul):
    mul(ONES)
    mul.run_async(ONES).result()
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    process = context.Process(target=_child, args=(mul, queue))
    process.start()
    assert queue.get(timeout=20) == (models.WEIGHT.tolist(), models.WEIGHT.tolist())
    process.join(20)
    assert process.exitcode == 0


def test_interrupt():
    # Where the tests run behind a shell, SIGINT is ignored and Python has no handler.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        interrupt_a_run()
    finally:
        signal.signal(signal.SIGINT, before)


def interrupt_a_run():
    model = gossamer.load(models.long_loop(), threads=1).prepare()
    x = np.zeros((96, 96), np.float32)
    model(np.int64(1), x)
    sent = []

    def send():
        sent.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    threading.Timer(0.1, send).start()
    with pytest.raises(KeyboardInterrupt):
        model(np.int64(1 << 40), x)
    assert time.monotonic() - sent[0] < 5  # at once, on a machine that may be busy
    model(np.int64(1), x)

    handled = []
    before = signal.signal(signal.SIGINT, lambda *_: handled.append(1))
    try:
        threading.Timer(0.02, send).start()
        model(np.int64(3000), x)  # goes on where the handler lets it
    finally:
        signal.signal(signal.SIGINT, before)
    time.sleep(0.1)
    assert handled


def test_flag():
    model = gossamer.load(models.long_loop(), threads=1)
    flag = gossamer._core.Flag()
    timer = threading.Timer(0.05, setattr, (flag, "raised", True))
    timer.start()
    with pytest.raises(gossamer.Interrupted):
        model.run([np.int64(1 << 40), np.zeros((96, 96), np.float32)], flag=flag)


def resident() -> int:
    return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def test_no_leaks(mul):
    reshape = gossamer.load(models.reshape())
    text = gossamer.load(models.identity(TensorProto.STRING))
    x, shape = np.arange(6, dtype=np.float32), np.array([2, 3])

    def runs(count):
        for _ in range(count):
            mul(ONES)
            mul(X=ONES)
        for _ in range(count // 50):
            reshape(x, shape)
            text([["a", "b"], ["c", "d"]])
            with pytest.raises(gossamer.UsageError):
                mul(x)

    def loads(count):
        for _ in range(count):
            gossamer.load(models.matmul())(np.ones((2, 2), np.float32))

    runs(2000), loads(50)
    begin = resident()
    runs(20_000), loads(150)
    assert resident() - begin < 3 << 20


@pytest.mark.slow
def test_no_leaks_at_length(mul):
    """100,000 runs, then 1,000 models loaded and let go: memory stays as it is."""
    x = np.ones((2, 2), np.float32)

    def load():
        gossamer.load(models.matmul())(x)
        session = gossamer.onnxruntime.InferenceSession(models.matmul())
        session.run(None, {"X": x})

    session = gossamer.onnxruntime.InferenceSession(models.mul())
    for count in (5_000, 50_000):
        begin = resident()
        for _ in range(count):
            mul(ONES)
            session.run(None, {"X": ONES})
    assert resident() - begin < 1 << 20
    for count in (200, 1_000):
        begin = resident()
        for _ in range(count):
            load()
    assert resident() - begin < 2 << 20


def test_import_time():
    # The processor's time: the clock also shows what else the machine does.
    code = (
        "import time, numpy; t = time.process_time(); import gossamer; "
        "print((time.process_time() - t) * 1000)"
    )
    times = [
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True,
                             env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}).stdout)
        for _ in range(5)
    ]
    assert min(times) < 40

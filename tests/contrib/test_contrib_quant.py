# Operators of onnxruntime's own domain on quantized tensors and weights of few bits, one small
# model each, held against onnxruntime itself. Codes may differ by one where a number lies between two.
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.contrib.test_contrib import noise, opened
from tests.models.compare import assert_close, run_peer, run_tool

F = np.float32


def codes(*shape, dtype=np.uint8, seed=0, low=None, high=None):
    info = np.iinfo(dtype)
    low, high = info.min if low is None else low, info.max if high is None else high
    return np.random.default_rng([seed, *shape]).integers(low, high, shape, dtype, endpoint=True)


def scalar(value, dtype=F):
    return np.array(value, dtype)


def model(folder, op, inputs, outputs=1, fixed=(), symbols=False, **attributes):
    """A file with one node, and what to feed it. An input is an array, a TensorProto (a constant)
    or None (left out); arrays at the places in `fixed` are constants too. With `symbols` extents
    of the others are open."""
    names = [f"x{i}" if x is not None else "" for i, x in enumerate(inputs)]
    results = [f"y{i}" for i in range(outputs)]
    node = helper.make_node(op, names, results, "node", domain="com.microsoft", **attributes)
    constants, feeds = [], {}
    for i, (name, x) in enumerate(zip(names, inputs)):
        if isinstance(x, TensorProto):
            x.name = name
            constants.append(x)
        elif x is not None and i in fixed:
            constants.append(numpy_helper.from_array(x, name))
        elif x is not None:
            feeds[name] = np.asarray(x)
    graph = helper.make_graph(
        [node],
        "one",
        [
            helper.make_tensor_value_info(
                n,
                helper.np_dtype_to_tensor_dtype(x.dtype),
                opened(n, x.shape) if symbols else x.shape,
            )
            for n, x in feeds.items()
        ],
        [onnx.ValueInfoProto(name=r) for r in results],
        constants,
    )
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)]
    path = folder / f"{len(list(folder.iterdir()))}.onnx"
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=10), path)
    return path, feeds


def compare(folder, op, inputs, *args, tolerance=1e-5, **rest):
    path, feeds = model(folder, op, inputs, *args, **rest)
    expected = run_peer(path, feeds)
    with_symbols, _ = model(folder, op, inputs, *args, symbols=True, **rest)
    for file in (path, with_symbols):
        got = run_tool(file, feeds, list(expected))
        if all(e.dtype.kind == "f" for e in expected.values()):
            assert_close(got, expected, tolerance)
            continue
        for name, e in expected.items():
            assert got[name].shape == e.shape and got[name].dtype == e.dtype
            steps = np.abs(got[name].astype(np.int64) - e)
            assert steps.max(initial=0) <= 1 and np.mean(steps != 0) <= 0.02, (
                f"{name} is off by up to {steps.max()}, at {np.mean(steps != 0):.1%}"
            )


# --- between quantized tensors ---


def quantized(*shape, dtype=np.uint8, scale=0.05, zero=3, seed=0):
    return [codes(*shape, dtype=dtype, seed=seed), scalar(scale), scalar(zero, dtype)]


DTYPES = pytest.mark.parametrize("dtype", [np.uint8, np.int8])


@DTYPES
@pytest.mark.parametrize("op", ["QLinearAdd", "QLinearMul"])
@pytest.mark.parametrize("shape", [(4, 5, 16), (5, 1), ()])
def test_binary(tmp_path, dtype, op, shape):
    a = quantized(4, 5, 16, dtype=dtype)
    b = quantized(*shape, dtype=dtype, scale=0.03, zero=-5 if dtype == np.int8 else 100, seed=1)
    compare(tmp_path, op, a + b + [scalar(0.083), scalar(7, dtype)])


def test_binary_without_zero_points(tmp_path):
    # onnxruntime refuses QLinearAdd without them, though its schema does not.
    x = codes(4, 16, dtype=np.int8)
    path, feeds = model(tmp_path, "QLinearAdd", [x, scalar(0.1), None, x, scalar(0.2), None,
                                                 scalar(0.31)])
    expected = np.rint(x.astype(F) * F(0.3) / F(0.31))
    assert np.abs(run_tool(path, feeds, ["y0"])["y0"] - expected).max() <= 1


@DTYPES
def test_unary(tmp_path, dtype):
    x = quantized(8, 64, dtype=dtype)
    compare(tmp_path, "QLinearLeakyRelu", x + [scalar(0.06), scalar(9, dtype)], alpha=0.1)
    compare(tmp_path, "QLinearSigmoid", x + [scalar(1 / 256), scalar(0, dtype)])


@DTYPES
def test_where(tmp_path, dtype):
    condition = noise(4, 1, 16) > 0
    x, y = quantized(5, 16, dtype=dtype), quantized(4, 5, 1, dtype=dtype, scale=0.1, zero=0)
    inputs = [condition] + x + y + [scalar(0.07), scalar(1, dtype)]
    compare(tmp_path, "QLinearWhere", inputs, fixed=range(2, 9))


@DTYPES
def test_concat(tmp_path, dtype):
    parts = quantized(4, 5, 8, dtype=dtype) + quantized(4, 2, 8, dtype=dtype, scale=0.1, zero=9)
    out = [scalar(0.06), scalar(4, dtype)]
    compare(tmp_path, "QLinearConcat", out + parts, axis=-2, fixed=(0, 1, 3, 4, 6, 7))


@DTYPES
@pytest.mark.parametrize("opset, axis", [(13, -1), (13, 1), (11, 1), (12, 2)])
def test_softmax(tmp_path, dtype, opset, axis):
    zero = np.iinfo(dtype).min
    inputs = quantized(4, 5, 16, dtype=dtype) + [scalar(1 / 256), scalar(zero, dtype)]
    compare(tmp_path, "QLinearSoftmax", inputs, opset=opset, axis=axis, fixed=range(1, 5))


@DTYPES
@pytest.mark.parametrize("last", [0, 1])
def test_pools(tmp_path, dtype, last):
    x = quantized(2, 7, 9, 16, dtype=dtype) if last else quantized(2, 16, 7, 9, dtype=dtype)
    inputs = x + [scalar(0.0413), scalar(5, dtype)]
    compare(tmp_path, "QLinearGlobalAveragePool", inputs, channels_last=last)
    for pads, ceil, counted in [([0, 0, 0, 0], 0, 0), ([1, 0, 1, 1], 0, 1), ([1, 1, 1, 1], 1, 0)]:
        compare(tmp_path, "QLinearAveragePool", inputs, channels_last=last, kernel_shape=[3, 2],
                strides=[2, 1], pads=pads, ceil_mode=ceil, count_include_pad=counted)


def test_reduce_mean(tmp_path):
    # onnxruntime has a schema of this one, but no kernel.
    x = quantized(4, 5, 6)
    path, feeds = model(tmp_path, "QLinearReduceMean", x + [scalar(0.04), scalar(5, np.uint8)],
                        axes=[0, -1], keepdims=0)
    mean = (0.05 * (x[0].astype(np.float64) - 3)).mean(axis=(0, 2))
    expected = np.clip(np.rint(mean / 0.04) + 5, 0, 255)
    got = run_tool(path, feeds, ["y0"])["y0"]
    assert got.dtype == np.uint8 and np.abs(got - expected).max() <= 1


@DTYPES
def test_nhwc_max_pool(tmp_path, dtype):
    compare(tmp_path, "NhwcMaxPool", [codes(2, 7, 9, 8, dtype=dtype)], kernel_shape=[3, 2],
            strides=[2, 1], pads=[1, 1, 1, 0], dilations=[1, 2])


@DTYPES
@pytest.mark.parametrize("last", [0, 1])
@pytest.mark.parametrize("group", [1, 4])
def test_conv(tmp_path, dtype, last, group):
    x = quantized(2, 9, 7, 8, dtype=dtype) if last else quantized(2, 8, 9, 7, dtype=dtype)
    w = [codes(12, 8 // group, 3, 3, dtype=np.int8), abs(noise(12)) / 100, np.zeros(12, np.int8)]
    inputs = x + w + [scalar(0.9), scalar(20, dtype), codes(12, dtype=np.int32, low=-999, high=999)]
    compare(tmp_path, "QLinearConv", inputs, channels_last=last, group=group, strides=[2, 1],
            pads=[1, 1, 1, 1], fixed=range(1, 9))


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.uint16])
@pytest.mark.parametrize("axis", [None, 1])
def test_quantize_and_dequantize(tmp_path, dtype, axis):
    count, attributes = (5, {"axis": axis}) if axis else (1, {})
    scale, zero = abs(noise(count)) + 0.1, codes(count, dtype=dtype, low=0, high=90)
    if not axis:
        scale, zero = scale[0], zero[0]
    x = 40 * noise(3, 5, 4)
    compare(tmp_path, "QuantizeLinear", [x, scale, zero], **attributes)
    x = codes(3, 5, 4, dtype=dtype)
    compare(tmp_path, "DequantizeLinear", [x, scale, zero], **attributes)


def four_bits(array, signed):
    code = TensorProto.INT4 if signed else TensorProto.UINT4
    return helper.make_tensor("", code, array.shape, array.flatten().tolist())


@pytest.mark.parametrize("signed", [0, 1])
def test_dequantize_four_bits(tmp_path, signed):
    x = codes(3, 5, dtype=np.int8, low=-8 * signed, high=15 - 8 * signed)
    zero = four_bits(np.array(3), signed)
    compare(tmp_path, "DequantizeLinear", [four_bits(x, signed), scalar(0.5), zero])


# --- products of integers ---


@DTYPES
@pytest.mark.parametrize("columns", [0, 1])
@pytest.mark.parametrize("trans_a, trans_b, biased, real",
                         [(0, 0, 1, 0), (1, 1, 1, 1), (0, 1, 0, 0)])
def test_qgemm(tmp_path, dtype, columns, trans_a, trans_b, biased, real):
    a = quantized(6, 16, dtype=dtype)
    b = codes(16, 24, dtype=np.int8)
    a[0] = a[0].T.copy() if trans_a else a[0]
    b = b.T.copy() if trans_b else b
    scaling = [abs(noise(24)) / 50, codes(24, dtype=np.int8, low=-3, high=3)]
    if not columns:
        scaling = [scalar(0.02), scalar(3, np.int8)]
    inputs = a + [b] + scaling
    inputs += [codes(24, dtype=np.int32, low=-500, high=500) if biased else None]
    if not real:
        inputs += [scalar(0.7), scalar(11, dtype)]
    elif not biased:
        inputs.pop()
    compare(tmp_path, "QGemm", inputs, alpha=0.75, transA=trans_a, transB=trans_b)


@DTYPES
@pytest.mark.parametrize("columns, biased", [(0, 0), (1, 0), (1, 1)])
def test_matmul_integer_to_float(tmp_path, dtype, columns, biased):
    x, w = codes(2, 6, 16, dtype=dtype), codes(16, 24, dtype=dtype, seed=1)
    inputs = [x, w, scalar(0.05), abs(noise(24)) if columns else scalar(0.02), scalar(4, dtype)]
    inputs += [codes(24, dtype=dtype, low=0, high=9) if columns else None]
    inputs += [noise(24)] if biased else []
    while inputs[-1] is None:
        inputs.pop()
    compare(tmp_path, "MatMulIntegerToFloat", inputs)


@DTYPES
@pytest.mark.parametrize("columns, zero, biased", [(0, 0, 0), (1, 0, 1), (0, 1, 1), (1, 1, 0)])
def test_dynamic_quantize_matmul(tmp_path, dtype, columns, zero, biased):
    inputs = [noise(2, 6, 16) + 0.4, codes(16, 24, dtype=dtype)]
    inputs += [abs(noise(24)) if columns else scalar(0.02), None, noise(24) if biased else None]
    if zero:
        inputs[3] = codes(24, dtype=dtype, low=0, high=9) if columns else scalar(4, dtype)
    while inputs[-1] is None:
        inputs.pop()
    compare(tmp_path, "DynamicQuantizeMatMul", inputs)


B, S, P, H, D, IN = 2, 5, 3, 4, 8, 24


@pytest.mark.parametrize("mask", [None, "lengths", "keys"])
@pytest.mark.parametrize("columns, past, causal", [(0, 0, 0), (1, 0, 1), (0, 1, 1)])
def test_qattention(tmp_path, mask, columns, past, causal):
    hidden = 3 * H * D
    inputs = [codes(B, S, IN), codes(IN, hidden, dtype=np.int8), noise(hidden), scalar(0.01)]
    inputs += [abs(noise(hidden)) / 50 if columns else scalar(0.01), None, scalar(128, np.uint8)]
    inputs += [np.zeros(hidden, np.int8) if columns else scalar(3, np.int8)]
    inputs += [noise(2, B, H, P, D)] if past else []
    if mask == "lengths":
        inputs[5] = np.array([3, 5], np.int32)
    elif mask:
        keys = S + P * past
        inputs[5] = (np.arange(keys) < [[4], [keys]]).astype(np.int32)
    compare(tmp_path, "QAttention", inputs, 1 + past, fixed=(1, 2, 3, 4, 6, 7), num_heads=H,
            unidirectional=causal)


@DTYPES
@pytest.mark.parametrize("columns, direction", [(0, "forward"), (1, "reverse"),
                                                (1, "bidirectional")])
def test_dynamic_quantize_lstm(tmp_path, dtype, columns, direction):
    both, hidden = 1 + (direction == "bidirectional"), 6
    gates = 4 * hidden
    scaling = (both, gates) if columns else (both,)
    zero = np.full(scaling, 0 if dtype == np.int8 else 128, dtype)
    inputs = [noise(7, 3, 5), codes(both, 5, gates, dtype=dtype),
              codes(both, hidden, gates, dtype=dtype), noise(both, 2 * gates) / 4, None,
              noise(both, 3, hidden) / 4, noise(both, 3, hidden), None,
              np.full(scaling, 0.004, F), zero, np.full(scaling, 0.003, F), zero]
    # onnxruntime quantizes the states too.
    compare(tmp_path, "DynamicQuantizeLSTM", inputs, 3, fixed=(1, 2, 3, 8, 9, 10, 11),
            direction=direction, hidden_size=hidden, tolerance=0.02)


# --- weights of few bits ---


def nbits(n, k, bits, block, zero, dtype=F):
    """Weights, scales and zero points (None, "packed" or "real") as MatMulNBits takes them."""
    blocks = -(-k // block)
    w = codes(n, blocks, block * bits // 8)
    scales = (abs(noise(n, blocks)) / 10 + 0.01).astype(dtype)
    zeros = None
    if zero == "packed":
        zeros = codes(n, -(-blocks * bits // 8), seed=1)
    elif zero:
        zeros = (noise(n, blocks, seed=3) + 2 ** (bits - 1)).astype(dtype)
    return [w, scales, zeros]


@pytest.mark.parametrize("bits", [2, 4, 8])
@pytest.mark.parametrize("zero", [None, "packed", "real"])
@pytest.mark.parametrize("k, block", [(64, 16), (72, 32)])
def test_matmul_nbits(tmp_path, bits, zero, k, block):
    if bits != 4 and zero == "real":
        pytest.skip("onnxruntime computes real zero points of 4-bit weights only")
    weights = nbits(20, k, bits, block, zero)
    for fixed in [(1, 2, 3), ()]:
        compare(tmp_path, "MatMulNBits", [noise(2, 3, k)] + weights[: 3 if zero else 2],
                fixed=fixed, bits=bits, block_size=block, N=20, K=k, tolerance=1e-4)


def test_matmul_nbits_with_bias_and_groups(tmp_path):
    sizes = dict(bits=4, block_size=16, N=20, K=64)
    weights = nbits(20, 64, 4, 16, "packed")
    groups = codes(64, dtype=np.int32, low=0, high=3)
    x = noise(3, 64)
    compare(tmp_path, "MatMulNBits", [x] + weights + [None, noise(20)], fixed=range(1, 6), **sizes)
    # With packed zero points as well onnxruntime computes something else than it says.
    compare(tmp_path, "MatMulNBits", [x] + weights[:2] + [None, groups], fixed=range(1, 5), **sizes,
            tolerance=1e-4)


def test_matmul_nbits_in_half_precision(tmp_path):
    weights = nbits(20, 64, 4, 16, None, np.float16)
    compare(tmp_path, "MatMulNBits", [noise(3, 64, dtype=np.float16)] + weights[:2],
            fixed=range(1, 3), bits=4, block_size=16, N=20, K=64, tolerance=2e-3)


ROWS, COLUMNS, BLOCK = 10, 48, 16


@pytest.mark.parametrize("kind", ["i4", "u4", "packed 2", "packed 4", "packed 8"])
@pytest.mark.parametrize("zeros", [0, 1])
@pytest.mark.parametrize("dtype", [F, np.float16])
def test_gather_block_quantized(tmp_path, kind, zeros, dtype):
    bits = int(kind[-1])
    scales = abs(noise(ROWS, COLUMNS // BLOCK)).astype(dtype)
    if kind.startswith("packed"):
        data = codes(ROWS, COLUMNS * bits // 8)
        zero = codes(ROWS, -(-COLUMNS // BLOCK * bits // 8))
    else:
        low = -8 if kind == "i4" else 0
        data = four_bits(codes(ROWS, COLUMNS, dtype=np.int8, low=low, high=low + 15), kind == "i4")
        zero = four_bits(codes(ROWS, COLUMNS // BLOCK, dtype=np.int8, low=low, high=low + 15),
                         kind == "i4")
    indices = np.array([[3, 0], [-1, 9]])
    inputs = [data, indices, scales] + ([zero] if zeros else [])
    compare(tmp_path, "GatherBlockQuantized", inputs, fixed=(0, 2, 3), block_size=BLOCK, bits=bits,
            quantize_axis=1, gather_axis=0, tolerance=2e-3 if dtype == np.float16 else 1e-5)


@pytest.mark.parametrize("gather_axis, quantize_axis", [(1, 1), (2, 1), (0, 2), (1, 0)])
def test_gather_block_quantized_axes(tmp_path, gather_axis, quantize_axis):
    shape, blocks = [20, 24, 18], [20, 24, 18]
    blocks[quantize_axis] = -(-shape[quantize_axis] // 16)
    data = four_bits(codes(*shape, dtype=np.int8, low=0, high=15), 0)
    zero = four_bits(codes(*blocks, dtype=np.int8, low=0, high=15), 0)
    inputs = [data, np.array([5, -2, 0]), abs(noise(*blocks)), zero]
    compare(tmp_path, "GatherBlockQuantized", inputs, fixed=(0, 2, 3), block_size=16,
            gather_axis=gather_axis, quantize_axis=quantize_axis)


def test_gather_block_quantized_gives_zeros_out_of_range(tmp_path):
    data = four_bits(codes(ROWS, COLUMNS, dtype=np.int8, low=0, high=15), 0)
    indices = np.array([ROWS, 2, -ROWS - 1])
    compare(tmp_path, "GatherBlockQuantized", [data, indices, abs(noise(ROWS, COLUMNS // BLOCK))],
            fixed=(0, 2), block_size=BLOCK)


@pytest.mark.parametrize("code", [TensorProto.FLOAT8E4M3FN, TensorProto.FLOAT8E5M2,
                                  TensorProto.FLOAT4E2M1])
@pytest.mark.parametrize("block", [0, BLOCK])
def test_gather_block_quantized_floats(tmp_path, code, block):
    data = helper.make_tensor("", code, (ROWS, COLUMNS), noise(ROWS, COLUMNS).flatten().tolist())
    scales = abs(noise(ROWS, COLUMNS // block if block else 1))
    compare(tmp_path, "GatherBlockQuantized", [data, np.array([1, -1, 4]), scales], fixed=(0, 2),
            block_size=block)

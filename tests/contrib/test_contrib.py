# Operators of onnxruntime's own domain, one small model each, held against onnxruntime itself. So
# are the recurrent operators, whose clipping and activations the standard's cases leave out.
import numpy as np
import onnx
import pytest
from onnx import helper

from tests.models.compare import assert_close, run_peer, run_tool

B, S, T, P, H, G, D = 2, 5, 7, 3, 4, 2, 16  # batch, queries, keys, past, heads, groups, head size


def noise(*shape, seed=0, dtype=np.float32):
    return np.random.default_rng([seed, *shape]).standard_normal(shape).astype(dtype)


def opened(name, shape):
    """The shape with batches and lengths as symbols."""
    where = {2: [0], 3: [0, 1], 4: [0, 2]}.get(len(shape), [])
    return [f"{name}_{axis}" if axis in where else n for axis, n in enumerate(shape)]


def compare(
    folder, op, inputs, outputs=1, domain="com.microsoft", symbols=True, tolerance=1e-5, **attributes
):
    """Runs one node on `inputs` (None: left out) in both, with shapes that are known and with such
    that hold symbols; `outputs` is a count, or a string of 1 (asked for) and 0."""
    wanted = outputs if isinstance(outputs, str) else "1" * outputs
    names = [f"x{i}" if x is not None else "" for i, x in enumerate(inputs)]
    results = [f"y{i}" if w == "1" else "" for i, w in enumerate(wanted)]
    node = helper.make_node(op, names, results, "node", domain=domain, **attributes)
    feeds = {f"x{i}": np.asarray(x) for i, x in enumerate(inputs) if x is not None}
    opsets = [helper.make_opsetid("", 14), helper.make_opsetid("com.microsoft", 1)]
    expected = None
    for shape_of in [lambda name, shape: shape] + [opened] * symbols:
        graph = helper.make_graph(
            [node],
            "one",
            [
                helper.make_tensor_value_info(
                    n, helper.np_dtype_to_tensor_dtype(x.dtype), shape_of(n, x.shape)
                )
                for n, x in feeds.items()
            ],
            [onnx.ValueInfoProto(name=r) for r in results if r],
        )
        path = folder / f"{len(list(folder.iterdir()))}.onnx"
        onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
        got = run_tool(path, feeds)
        expected = expected or run_peer(path, feeds)
        assert_close(got, expected, tolerance)


# --- activations and products ---


@pytest.mark.parametrize("op, biased", [("Gelu", 0), ("QuickGelu", 0), ("FastGelu", 0),
                                        ("FastGelu", 1), ("BiasGelu", 1)])
def test_gelu(tmp_path, op, biased):
    compare(tmp_path, op, [4 * noise(3, 16)] + [noise(16)] * biased)


@pytest.mark.parametrize(
    "flags", [{}, {"transA": 1}, {"transB": 1, "alpha": 0.25}, {"transA": 1, "transB": 1}]
)
def test_fused_matmul(tmp_path, flags):
    a, b = noise(2, 3, 4), noise(2, 4, 5, seed=1)
    if "transA" in flags:
        a = a.swapaxes(1, 2).copy()
    if "transB" in flags:
        b = b.swapaxes(1, 2).copy()
    compare(tmp_path, "FusedMatMul", [a, b], **flags)


def test_fused_matmul_moves_batches(tmp_path):
    compare(tmp_path, "FusedMatMul", [noise(3, 2, 4), noise(2, 4, 5)], transBatchA=1)
    compare(tmp_path, "FusedMatMul", [noise(2, 3, 4), noise(4, 2, 5)], transBatchB=1)


@pytest.mark.parametrize(
    "attributes",
    [
        {"activation": "Relu", "alpha": 0.5, "beta": 2.0},
        {"activation": "LeakyRelu", "activation_alpha": 0.2, "transB": 1},
        {"activation": "Tanh", "transA": 1},
    ],
)
def test_fused_gemm(tmp_path, attributes):
    a, b = noise(3, 4), noise(4, 5)
    if "transA" in attributes:
        a = a.T.copy()
    if "transB" in attributes:
        b = b.T.copy()
    compare(tmp_path, "FusedGemm", [a, b, noise(5)], **attributes)


@pytest.mark.parametrize(
    "attributes",
    [
        {"activation": "Relu"},
        {"activation": "LeakyRelu", "activation_params": [0.2]},
        {"activation": "Clip", "activation_params": [-0.5, 0.5]},
        {"activation": "HardSigmoid", "activation_params": [0.3, 0.4]},
    ],
)
@pytest.mark.parametrize("added", [False, True])
def test_fused_conv(tmp_path, attributes, added):
    inputs = [noise(1, 3, 6, 6), noise(4, 3, 3, 3), noise(4)]
    if added:
        inputs.append(noise(1, 4, 6, 6))
    compare(tmp_path, "FusedConv", inputs, pads=[1, 1, 1, 1], kernel_shape=[3, 3], **attributes)


# --- normalization ---


@pytest.mark.parametrize("bias", [False, True])
def test_layer_normalization_of_version_1(tmp_path, bias):
    inputs = [noise(2, 3, 8), noise(8, seed=1)] + [noise(8, seed=2)] * bias
    compare(tmp_path, "LayerNormalization", inputs, "101", domain="", axis=-1, epsilon=1e-4)


def test_simplified_layer_normalization(tmp_path):
    compare(tmp_path, "SimplifiedLayerNormalization", [noise(2, 3, 8), noise(8)], domain="")


@pytest.mark.parametrize("skip", [(B, S, 8), (1, S, 8), (S, 8)])
@pytest.mark.parametrize("beta, bias", [(0, 0), (1, 0), (1, 1), (0, 1)])
def test_skip_layer_normalization(tmp_path, skip, beta, bias):
    inputs = [noise(B, S, 8), noise(*skip), noise(8), noise(8, seed=1) if beta else None]
    inputs.append(noise(8, seed=2) if bias else None)
    while inputs[-1] is None:
        inputs.pop()
    compare(tmp_path, "SkipLayerNormalization", inputs, "1001", epsilon=1e-5)


@pytest.mark.parametrize("bias", [0, 1])
def test_skip_simplified_layer_normalization(tmp_path, bias):
    inputs = [noise(B, S, 8), noise(B, S, 8, seed=1), noise(8)] + [noise(8, seed=2)] * bias
    compare(tmp_path, "SkipSimplifiedLayerNormalization", inputs, "1001")


@pytest.mark.parametrize("segments, mask, positions", [(1, 1, 0), (0, 0, 0), (1, 0, 1)])
def test_embed_layer_normalization(tmp_path, segments, mask, positions):
    rng = np.random.default_rng(0)
    ids = rng.integers(0, 11, (B, S)).astype(np.int32)
    inputs = [
        ids,
        rng.integers(0, 2, (B, S)).astype(np.int32) if segments else None,
        noise(11, 8),
        noise(16, 8, seed=1),
        noise(2, 8, seed=2) if segments else None,
        noise(8, seed=3),
        noise(8, seed=4),
        (np.arange(S) < [[3], [5]]).astype(np.int32) if mask else None,
        rng.integers(0, 16, (B, S)).astype(np.int32) if positions else None,
    ]
    while inputs[-1] is None:
        inputs.pop()
    compare(tmp_path, "EmbedLayerNormalization", inputs, 2)


# --- attention ---

LENGTHS = np.array([3, 5], np.int32)


def zero_one(*shape):
    mask = (np.random.default_rng(5).random(shape) < 0.6).astype(np.int32)
    mask[..., 0] = 1
    return mask


@pytest.mark.parametrize(
    "mask",
    [None, LENGTHS, np.array([4, 5, 1, 2], np.int32), zero_one(B, S), zero_one(B, S, S)],
    ids=["none", "lengths", "ends", "keys", "pairs"],
)
@pytest.mark.parametrize("unidirectional", [0, 1])
def test_attention(tmp_path, mask, unidirectional):
    inputs = [noise(B, S, 16), noise(16, 3 * H * D) / 4, noise(3 * H * D), mask]
    if mask is None:
        inputs.pop()
    # Symbols cannot tell lengths from ends and starts.
    symbols = mask is None or len(mask) != 2 * B
    compare(
        tmp_path,
        "Attention",
        inputs,
        symbols=symbols,
        num_heads=H,
        unidirectional=unidirectional,
    )


def test_attention_with_past_and_bias(tmp_path):
    inputs = [noise(B, S, 16), noise(16, 3 * H * D) / 4, noise(3 * H * D), zero_one(B, P + S)]
    inputs += [noise(2, B, H, P, D)]
    compare(tmp_path, "Attention", inputs, 2, num_heads=H, unidirectional=1)
    bias = noise(B, H, S, S)
    compare(tmp_path, "Attention", inputs[:3] + [None, None, bias], num_heads=H)


def test_attention_with_sizes(tmp_path):
    inputs = [noise(B, S, 16), noise(16, 2 * 16 + 32) / 4, noise(64)]
    compare(tmp_path, "Attention", inputs, num_heads=H, qkv_hidden_sizes=[16, 16, 32], scale=0.3)


@pytest.mark.parametrize("bias", [0, 1])
@pytest.mark.parametrize("mask", [None, np.array([4, 7], np.int32), zero_one(B, T)],
                         ids=["none", "lengths", "keys"])
def test_multi_head_attention(tmp_path, bias, mask):
    inputs = [noise(B, S, H * D), noise(B, T, H * D), noise(B, T, H * D, seed=1)]
    inputs += [noise(3 * H * D) if bias else None, mask]
    while inputs[-1] is None:
        inputs.pop()
    compare(tmp_path, "MultiHeadAttention", inputs, num_heads=H)


def test_multi_head_attention_with_past(tmp_path):
    inputs = [noise(B, S, H * D), noise(B, S, H * D, seed=1), noise(B, S, H * D, seed=2)]
    inputs += [None, None, noise(1, H, S, P + S), noise(B, H, P, D), noise(B, H, P, D, seed=1)]
    compare(tmp_path, "MultiHeadAttention", inputs, 3, num_heads=H, unidirectional=1)


def test_multi_head_attention_packed(tmp_path):
    query, keys = noise(B, S, H * D), noise(B, H, T, D)
    compare(tmp_path, "MultiHeadAttention", [query, keys, noise(B, H, T, D, seed=1)], num_heads=H)


def rotary_caches(positions=32, half=D // 2):
    angles = np.arange(positions)[:, None] / 100 ** (np.arange(half) / half)
    return [np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)]


@pytest.mark.parametrize("packed", [0, 1])
@pytest.mark.parametrize("rotary", [0, 1])
@pytest.mark.parametrize("past, new, room", [(0, S, 0), (P, 1, 0), (P, S, 0), (P, 1, 16)])
def test_group_query_attention(tmp_path, packed, rotary, past, new, room):
    batch = 1 if new > 1 and past else B
    query, kv = noise(batch, new, H * D), noise(2, batch, new, G * D)
    inputs = [np.concatenate([query, *kv], -1), None, None] if packed else [query, *kv]
    cache = noise(2, batch, G, room or past, D)
    if room:
        cache[:, :, :, past:] = 0
    total = past + new
    inputs += [*cache, np.full(batch, total - 1, np.int32), np.array(total, np.int32)]
    inputs += rotary_caches() if rotary else []
    compare(tmp_path, "GroupQueryAttention", inputs, 3, num_heads=H, kv_num_heads=G,
            do_rotary=rotary)


@pytest.mark.parametrize("attributes", [{"local_window_size": 3}, {"softcap": 2.0}, {"scale": 0.5},
                                        {"rotary_interleaved": 1, "do_rotary": 1}])
def test_group_query_attention_attributes(tmp_path, attributes):
    inputs = [noise(B, S, H * D), noise(B, S, G * D), noise(B, S, G * D, seed=1), None, None]
    inputs += [np.full(B, S - 1, np.int32), np.array(S, np.int32)]
    inputs += rotary_caches() if "do_rotary" in attributes else []
    compare(tmp_path, "GroupQueryAttention", inputs, 3, num_heads=H, kv_num_heads=G, **attributes)


def test_group_query_attention_of_unequal_lengths(tmp_path):
    inputs = [noise(B, 1, H * D), noise(B, 1, G * D), noise(B, 1, G * D, seed=1)]
    cache = noise(2, B, G, 8, D)
    cache[:, 0, :, 3:] = 0
    cache[:, 1, :, 6:] = 0
    inputs += [*cache, np.array([3, 6], np.int32), np.array(7, np.int32)]
    compare(tmp_path, "GroupQueryAttention", inputs, 3, num_heads=H, kv_num_heads=G)


@pytest.mark.parametrize("interleaved", [0, 1])
@pytest.mark.parametrize("positions", [np.array([3]), np.arange(B * S).reshape(B, S)])
@pytest.mark.parametrize("flat", [0, 1])
def test_rotary_embedding(tmp_path, interleaved, positions, flat):
    x = noise(B, S, H * D) if flat else noise(B, H, S, D)
    inputs = [x, positions.astype(np.int64), *rotary_caches()]
    compare(tmp_path, "RotaryEmbedding", inputs, interleaved=interleaved)


# --- recurrent operators of the standard ---

GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
FUNCTIONS = {"LSTM": 3, "GRU": 2, "RNN": 1}


@pytest.mark.parametrize("op", GATES)
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"clip": 0.4},
        {"activations": ["HardSigmoid", "ScaledTanh", "Softsign"], "activation_alpha": [0.3, 1.2],
         "activation_beta": [0.4, 0.7]},
        {"activations": ["Sigmoid", "LeakyRelu", "Elu"], "activation_alpha": [0.2, 0.8]},
    ],
    ids=["plain", "clip", "scaled", "rectified"],
)
def test_recurrent(tmp_path, op, direction, attributes):
    directions, gates = 1 + (direction == "bidirectional"), GATES[op]
    attributes = dict(attributes)
    if "activations" in attributes:
        names = attributes["activations"][: FUNCTIONS[op]]
        takers = [n for n in names if n not in ("Sigmoid", "Softsign")]
        for key in "activation_alpha", "activation_beta":
            if key in attributes:
                attributes[key] = attributes[key][: len(takers)] * directions
                if not attributes[key]:
                    del attributes[key]
        attributes["activations"] = names * directions
    inputs = [noise(6, B, 3), noise(directions, gates * D, 3), noise(directions, gates * D, D) / 2]
    inputs += [noise(directions, 2 * gates * D), np.array([6, 4], np.int32)]
    inputs += [noise(directions, B, D)]
    if op == "LSTM":
        inputs += [noise(directions, B, D, seed=1), noise(directions, 3 * D)]
    compare(tmp_path, op, inputs, 3 if op == "LSTM" else 2, domain="", hidden_size=D,
            direction=direction, **attributes)


def test_lstm_with_coupled_gates(tmp_path):
    inputs = [noise(6, B, 3), noise(1, 4 * D, 3), noise(1, 4 * D, D) / 2]
    compare(tmp_path, "LSTM", inputs, 3, domain="", hidden_size=D, input_forget=1)


@pytest.mark.parametrize("clip", [{}, {"clip": 0.5}])
def test_gru_that_resets_after(tmp_path, clip):
    inputs = [noise(6, B, 3), noise(1, 3 * D, 3), noise(1, 3 * D, D) / 2, noise(1, 6 * D)]
    compare(tmp_path, "GRU", inputs, 2, domain="", hidden_size=D, linear_before_reset=1, **clip)

# Real models through the tool's reference executor, held against onnxruntime: outputs agree within
# 1e-4 of their range unless a test states a looser bound with its reason. Models come from package
# registries (tools/fetch_models).
import numpy as np
import pytest

from . import inputs
from .compare import assert_close, check, fetch, run_peer, run_tool

slow = pytest.mark.slow

# Weights and some activations are half floats (11 bits): two executors may round each step
# differently.
HALF = 2e-3
# One rounding to 8 bits that falls the other way moves a value by a whole step (1/255 of its
# range), and later layers carry that on; the sum of many such steps stays far below what quantizing
# itself costs.
INT8 = 0.03
PROBABILITY = 1.0  # the range of an output that is a single probability


def vad_feeds(model: str, frame: np.ndarray, state: np.ndarray) -> dict:
    feeds = {"input": frame[None], "state": state}
    if model != "silero_vad_half":
        feeds["sr"] = np.array(16000, np.int64)
    return feeds


@pytest.mark.parametrize(
    "model, steps, tolerance",
    [
        ("silero_vad", 100, 1e-4),
        ("silero_vad_16k_op15", 5, 1e-4),
        ("silero_vad_op18_ifless", 5, 1e-4),
        ("silero_vad_half", 5, HALF),
    ],
)
def test_silero_vad_carries_its_state(model, steps, tolerance):
    path = fetch(f"{model}.onnx")
    samples = np.concatenate([inputs.speech(), inputs.speech("speech_2.wav")])
    ours = theirs = np.zeros((2, 1, 128), np.float32)
    spoken = []
    for frame in inputs.vad_frames(samples[20000 if steps < 100 else 0 :], steps):
        got = run_tool(path, vad_feeds(model, frame, ours))
        expected = run_peer(path, vad_feeds(model, frame, theirs))
        assert_close(got, expected, tolerance, PROBABILITY)
        ours, theirs = got["stateN"], expected["stateN"]
        spoken.append(float(got["output"][0, 0]))
    assert max(spoken) > 0.9, "no speech heard"


def test_silero_vad_at_8_khz():
    path = fetch("silero_vad.onnx")
    samples = inputs.speech()[20000::2]
    feeds = {
        "input": samples[None, : 256 + 32],
        "state": np.zeros((2, 1, 128), np.float32),
        "sr": np.array(8000, np.int64),
    }
    check(path, feeds, scale=PROBABILITY)


@pytest.mark.parametrize("frames", [1, 40])
def test_silero_vad_over_a_sequence(frames):
    state = np.zeros((1, 1, 128), np.float32)
    feeds = {"input": inputs.vad_frames(inputs.speech()[10000:], frames), "h": state, "c": state}
    expected = check(fetch("silero_vad_16k_sequence.onnx"), feeds, scale=PROBABILITY)
    assert frames == 1 or expected["speech_probs"].max() > 0.9


@pytest.mark.parametrize(
    "height, width", [(64, 160), (192, 320), pytest.param(640, 640, marks=slow)]
)
def test_pp_ocr_detection(height, width):
    pixels = inputs.planar(
        inputs.photo("page.png", height, width), [123.7, 116.3, 103.5], [58.4, 57.1, 57.4]
    )
    check(fetch("ch_PP-OCRv4_det_infer.onnx"), {"x": pixels})


@pytest.mark.parametrize("width", [64, 160, pytest.param(640, marks=slow)])
def test_pp_ocr_recognition(width):
    line = inputs.text_line("Gossamer reads 42 models"[: width // 16], 48, width)
    check(fetch("ch_PP-OCRv4_rec_infer.onnx"), {"x": inputs.planar(line, 127.5, 127.5)})


@pytest.mark.parametrize("turned", [False, True])
def test_pp_ocr_orientation(turned):
    line = inputs.text_line("Gossamer", 48, 192)
    line = line[::-1, ::-1] if turned else line
    expected = check(
        fetch("ch_ppocr_mobile_v2.0_cls_infer.onnx"), {"x": inputs.planar(line, 127.5, 127.5)}
    )
    assert next(iter(expected.values())).argmax() == turned


@pytest.mark.parametrize(
    "sentences",
    [
        ["a kitten rests on the rug"],
        [
            "the cat sat on the mat",
            "stocks fell sharply today after the announcement of new tariffs",
            "music",
            "it is a thin film of cobwebs",
        ],
    ],
)
def test_all_minilm_l6(sentences):
    check(fetch("all_minilm_l6.onnx"), inputs.tokens(sentences))


def test_all_minilm_l6_ignores_padding():
    path, alone, together = (
        fetch("all_minilm_l6.onnx"),
        inputs.tokens(["music"]),
        inputs.tokens(["music", "a much longer sentence"]),
    )
    short, long = (
        run_tool(path, alone)["sentence_embedding"],
        run_tool(path, together)["sentence_embedding"],
    )
    np.testing.assert_allclose(short[0], long[0], atol=1e-5)


def test_blazeface():
    pixels = inputs.photo("astronaut.png", 256, 256)[None].astype(np.float32) / 127.5 - 1
    expected = check(fetch("blazeface.onnx"), {"input:0": pixels})
    assert max(expected["Identity:0"].max(), expected["Identity_1:0"].max()) > 0, "no face found"


def test_open_wake_word_chain():
    """Samples to 196 mel frames, windows of 76 of those to embeddings, 16 embeddings to the
    probability of a word."""
    samples = np.round(inputs.speech()[None, 8000 : 8000 + 195 * 160 + 512] * 32768).astype(
        np.float32
    )
    mel = next(iter(check(fetch("melspectrogram.onnx"), {"input": samples}).values()))
    frames = mel.reshape(-1, 32) / 10 + 2
    windows = np.stack([frames[8 * k : 8 * k + 76] for k in range(16)])[..., None]
    embeddings = next(iter(check(fetch("embedding_model.onnx"), {"input_1": windows}).values()))
    check(
        fetch("alexa_v0.1.onnx"),
        {"onnx::Flatten_0": embeddings.reshape(1, 16, 96)},
        scale=PROBABILITY,
    )


@pytest.mark.parametrize("name", ["chelsea.png", pytest.param("coffee.png", marks=slow)])
def test_efficientnet_lite0(name):
    expected = check(
        fetch("efficientnet_lite0.onnx"),
        {"image": inputs.planar(inputs.photo(name, 224, 224), 127, 128)},
    )
    if name == "chelsea.png":
        assert expected["logits"].argmax() in range(281, 286), "not a cat"


@pytest.mark.parametrize(
    "name, tolerance",
    [
        ("mbv2_fp32", 1e-4),
        ("mbv2_int8", INT8),
        pytest.param("resnet50_fp32", 1e-4, marks=slow),
        pytest.param("resnet50_int8", INT8, marks=slow),
    ],
)
def test_vision_networks_with_random_weights(name, tolerance):
    check(
        fetch(f"{name}.onnx"),
        {"x": inputs.planar(inputs.photo("coffee.png", 224, 224), 127.5, 64)},
        tolerance,
    )


@pytest.mark.parametrize(
    "name, width, tolerance",
    [
        ("minilm_fp32", 384, 1e-4),
        ("minilm_int8", 384, INT8),
        pytest.param("bert_fp32", 768, 1e-4, marks=slow),
        pytest.param("bert_int8", 768, INT8, marks=slow),
    ],
)
def test_encoders_with_random_weights(name, width, tolerance):
    check(fetch(f"{name}.onnx"), {"x": inputs.noise(1, 128, width)}, tolerance)

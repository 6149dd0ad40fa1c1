"""Spoken prompts in three languages: Silero VAD, its state carried from frame to frame."""
import io
import pathlib
import wave

import numpy as np
from scipy import signal

import registry
from figures import note, share, table
from quantizers import by_gossamer, open_model, size

PROMPTS = {
    "it": "5a26638089e134b8ac39363fe249c5c93c50cd8bfdc9b2499ae61ec4a35e2fcb",
    "en": "2be3ea287d83299d143815fa804f11179a75b7affd4a758b98b55f5afc18a35d",
    "es": "9283a09a6d56fccdcc2bcfe86c48f0f844289cfbd46a3184d8785a6f7f569903",
    "fr": "8d4e1bc32ed5ba7fbda40841ca1825ed20cc6232724a473c90f8bb0e53e6073e",
}
RECIPE = """
samples:
  inputs:
    input: {audio: {rate: 16000, frame: 576, hop: 512}}
    sr: {value: 16000}
  carry: {state: stateN}
steps: [quantize: {weights: {rounding: reconstruct}, activations: none, correct_bias: false}]
"""
RATE, FRAME, CONTEXT = 16000, 512, 64


def prompts(language: str) -> list[bytes]:
    """The sound files."""
    pinned = {
        "registry": "debian",
        "package": f"asterisk-core-sounds-{language}-wav",
        "version": "1.6.1-1",
        "sha256": PROMPTS[language],
    }
    with registry.open_debian(registry.fetch(pinned)) as archive:
        members = sorted(archive.getmembers(), key=lambda m: m.name)
        return [archive.extractfile(m).read() for m in members if m.isfile() and m.name.endswith(".wav")]


def sound_of(file: bytes) -> np.ndarray:
    """At 16 kHz."""
    with wave.open(io.BytesIO(file)) as sound:
        assert sound.getframerate() * 2 == RATE and sound.getnchannels() == 1
        data = np.frombuffer(sound.readframes(sound.getnframes()), "<i2")
    return signal.resample_poly(data.astype(np.float32) / 32768, 2, 1).astype(np.float32)


def decisions(model: pathlib.Path, sounds: list[np.ndarray]) -> np.ndarray:
    session, out = open_model(model), []
    names = [port.name for port in session.get_inputs()]
    for sound in sounds:
        state, context = np.zeros((2, 1, 128), np.float32), np.zeros((1, CONTEXT), np.float32)
        for begin in range(0, len(sound) - FRAME + 1, FRAME):
            frame = np.concatenate([context, sound[None, begin : begin + FRAME]], 1)
            feeds = {"input": frame, "state": state, "sr": np.array(RATE, np.int64)}
            probability, state = session.run(None, {name: feeds[name] for name in names})
            context = frame[:, -CONTEXT:]
            out.append(probability[0, 0] > 0.5)
    return np.array(out)


def voice(folder: pathlib.Path, models: pathlib.Path) -> None:
    model = models / "silero_vad_16k_op15.onnx"
    out = folder / "silero_gossamer.onnx"
    heard = folder / "silero_samples"
    heard.mkdir(exist_ok=True)
    for k, file in enumerate(prompts("it")[::12][:32]):
        (heard / f"{k:03}.wav").write_bytes(file)
    took = by_gossamer(model, out, RECIPE, heard, "--shape", "input=1x576", "--shape", "state=2x1x128")
    rows = []
    for language in PROMPTS:
        if language == "it":  # calibrated
            continue
        sounds = [sound_of(file) for file in prompts(language)]
        exact, ours = decisions(model, sounds), decisions(out, sounds)
        rows.append([language, str(len(exact)), f"{exact.mean():.3f}", share(exact == ours)])
        note(" ".join(rows[-1]))
    title = f"Silero VAD, 8-bit weights: Asterisk's prompts (file {size(out, model)} of fp32's, made in {took:.0f} s)"
    table(title, ["language", "frames", "speech", "decisions as fp32's"], rows)

"""Spoken prompts in three languages: Silero VAD, its state carried from frame to frame."""
import io
import pathlib
import wave

import numpy as np
from scipy import signal

import registry
from figures import note, share, table
from quantizers import by_gossamer, open_model, size, write_samples

PROMPTS = {
    "en": "2be3ea287d83299d143815fa804f11179a75b7affd4a758b98b55f5afc18a35d",
    "es": "9283a09a6d56fccdcc2bcfe86c48f0f844289cfbd46a3184d8785a6f7f569903",
    "fr": "8d4e1bc32ed5ba7fbda40841ca1825ed20cc6232724a473c90f8bb0e53e6073e",
}
RECIPE = "steps: [quantize: {activations: none, correct_bias: false}]"
RATE, FRAME, CONTEXT = 16000, 512, 64


def prompts(language: str) -> list[np.ndarray]:
    pinned = {
        "registry": "debian",
        "package": f"asterisk-core-sounds-{language}-wav",
        "version": "1.6.1-1",
        "sha256": PROMPTS[language],
    }
    out = []
    with registry.open_debian(registry.fetch(pinned)) as archive:
        for member in sorted(archive.getmembers(), key=lambda m: m.name):
            if not member.isfile() or not member.name.endswith(".wav"):
                continue
            with wave.open(io.BytesIO(archive.extractfile(member).read())) as sound:
                assert sound.getframerate() * 2 == RATE and sound.getnchannels() == 1
                data = np.frombuffer(sound.readframes(sound.getnframes()), "<i2")
            out.append(signal.resample_poly(data.astype(np.float32) / 32768, 2, 1).astype(np.float32))
    return out


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
    model = models / "silero_vad_op18_ifless.onnx"
    out = folder / "silero_gossamer.onnx"
    ports = open_model(model).get_inputs()
    feed = {"input": np.zeros((1, FRAME + CONTEXT), np.float32), "state": np.zeros((2, 1, 128), np.float32)}
    feed["sr"] = np.array(RATE, np.int64)
    samples = write_samples(folder / "silero_samples", [{p.name: feed[p.name] for p in ports}])
    took = by_gossamer(model, out, RECIPE, samples)
    rows = []
    for language in PROMPTS:
        sounds = prompts(language)
        exact, ours = decisions(model, sounds), decisions(out, sounds)
        rows.append([language, str(len(exact)), f"{exact.mean():.3f}", share(exact == ours)])
        note(" ".join(rows[-1]))
    title = f"Silero VAD, 8-bit weights: Asterisk's prompts (file {size(out, model)} of fp32's, made in {took:.0f} s)"
    table(title, ["language", "frames", "speech", "decisions as fp32's"], rows)

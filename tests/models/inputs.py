# Real inputs in the form that the models want: photos, lines of text, speech, tokens.
import json
import wave

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from .compare import fetch

VAD_FRAME, VAD_CONTEXT = 512, 64


def photo(name: str, height: int, width: int) -> np.ndarray:
    """A photo as uint8 (height, width, 3)."""
    with Image.open(fetch(name)) as image:
        return np.asarray(image.convert("RGB").resize((width, height), Image.Resampling.BILINEAR))


def planar(pixels: np.ndarray, mean, deviation) -> np.ndarray:
    """Normalized float32 (1, 3, height, width)."""
    scaled = (pixels.astype(np.float32) - np.float32(mean)) / np.float32(deviation)
    return np.ascontiguousarray(scaled.transpose(2, 0, 1)[None])


def text_line(text: str, height: int, width: int) -> np.ndarray:
    """The text in black on white, uint8 (height, width, 3)."""
    image = Image.new("RGB", (width, height), "white")
    ImageDraw.Draw(image).text(
        (4, height // 8), text, fill="black", font=ImageFont.load_default(height * 0.6)
    )
    return np.asarray(image)


def speech(name: str = "speech.wav") -> np.ndarray:
    """Mono samples at 16 kHz in [-1, 1], float32."""
    with wave.open(str(fetch(name))) as w:
        return np.frombuffer(w.readframes(w.getnframes()), "<i2").astype(np.float32) / 32768


def vad_frames(samples: np.ndarray, count: int) -> np.ndarray:
    """(count, 576): each frame of 512 samples behind the 64 samples that precede it."""
    padded = np.concatenate([np.zeros(VAD_CONTEXT, np.float32), samples])
    return np.stack(
        [padded[k * VAD_FRAME : (k + 1) * VAD_FRAME + VAD_CONTEXT] for k in range(count)]
    )


def tokens(sentences: list[str]) -> dict[str, np.ndarray]:
    """WordPiece ids of lower-case words without punctuation, padded to the longest, with their
    mask."""
    vocabulary = json.loads(fetch("tokenizer.json").read_text())["model"]["vocab"]

    def pieces(word: str) -> list[int]:
        found, rest = [], word
        while rest:
            prefix = "##" if found else ""
            size = next((n for n in range(len(rest), 0, -1) if prefix + rest[:n] in vocabulary), 0)
            if not size:
                return [vocabulary["[UNK]"]]
            found.append(vocabulary[prefix + rest[:size]])
            rest = rest[size:]
        return found

    ids = [
        [vocabulary["[CLS]"], *(p for w in s.split() for p in pieces(w)), vocabulary["[SEP]"]]
        for s in sentences
    ]
    length = max(map(len, ids))
    padded = np.array([i + [vocabulary["[PAD]"]] * (length - len(i)) for i in ids], np.int64)
    mask = np.array([[1] * len(i) + [0] * (length - len(i)) for i in ids], np.int64)
    return {"input_ids": padded, "attention_mask": mask, "token_type_ids": np.zeros_like(padded)}


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(7).standard_normal(shape, np.float32)

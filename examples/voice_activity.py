"""Voice activity in 3 MB: tells when somebody speaks in a sound of 16,000 Hz.

    python examples/voice_activity.py silero_vad.onnx speech.wav
"""

import sys
import wave

import numpy as np

import gossamer

FRAME, CONTEXT, RATE = 512, 64, 16000

# The rate and the shapes decide what is computed; fixed now, they make a package that opens at once.
shapes = {"input": (1, CONTEXT + FRAME), "state": (2, 1, 128)}
model = gossamer.load(sys.argv[1], threads=1, shapes=shapes, bind={"sr": np.int64(RATE)})
model = model.compile("voice.goss")
with wave.open(sys.argv[2]) as file:
    sound = np.frombuffer(file.readframes(file.getnframes()), np.int16) / np.float32(32768)

state, context, spoken = np.zeros((2, 1, 128), np.float32), np.zeros(CONTEXT, np.float32), []
for begin in range(0, len(sound) - FRAME + 1, FRAME):
    frame = np.concatenate([context, sound[begin : begin + FRAME]]).astype(np.float32)
    chance, state = model.run({"input": frame[None], "state": state})
    context = frame[-CONTEXT:]
    spoken.append(chance.item() > 0.5)

edges = np.flatnonzero(np.diff([False, *spoken, False])) * FRAME / RATE
for start, end in edges.reshape(-1, 2):
    print(f"{start:.2f} s to {end:.2f} s")

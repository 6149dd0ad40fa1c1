#!/usr/bin/env python3
"""What a call from Python costs beyond the run itself: Silero VAD, one thread, by turns in one process.

    PYTHONPATH=build/python .cache/venv/bin/python bench/python_overhead.py silero_vad.onnx

The run itself is timed by a loop in C++ over a session, as the C interface runs it (Model.bench); onnxruntime's call
stands beside ours. Prints microseconds: medians over the rounds of each round's median."""

import statistics
import sys
import time

import numpy as np
import onnxruntime

import gossamer
import gossamer.onnxruntime

ROUNDS, CALLS = 15, 400


def timed(call) -> float:
    times = []
    for _ in range(CALLS):
        begin = time.perf_counter_ns()
        call()
        times.append(time.perf_counter_ns() - begin)
    return statistics.median(times) / 1e3


def main() -> None:
    path = sys.argv[1]
    feeds = {
        "input": np.random.default_rng(0).standard_normal((1, 576)).astype(np.float32),
        "state": np.zeros((2, 1, 128), np.float32),
        "sr": np.array(16000, np.int64),
    }
    model = gossamer.load(path, threads=1)
    feeds = {p.name: feeds[p.name] for p in model.inputs}
    values = list(feeds.values())
    out = model.run(values)
    sessions = []
    for ort in (onnxruntime, gossamer.onnxruntime):
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        sessions.append(ort.InferenceSession(path, options))
    theirs, drop_in = sessions
    rows = {
        "in C++": lambda: None,
        "model.run": lambda: model.run(values),
        "model.run, out=": lambda: model.run(values, out),
        "stand-in's run": lambda: drop_in.run(None, feeds),
        "onnxruntime's run": lambda: theirs.run(None, feeds),
    }
    found = {name: [] for name in rows}
    for _ in range(ROUNDS):
        for name, call in rows.items():
            if name == "in C++":
                found[name].append(model.bench(*values, seconds=0.1)["median_ms"] * 1e3)
            else:
                found[name].append(timed(call))
    base = statistics.median(found["in C++"])
    for name, times in found.items():
        middle = statistics.median(times)
        beyond = statistics.median(t - b for t, b in zip(times, found["in C++"], strict=True))
        print(f"{name:18} {middle:8.1f} us   beyond C++ {beyond:6.1f} us   {middle / base:5.2f} x")


if __name__ == "__main__":
    main()

# What `gossamer optimize` is worth to another runtime: original and optimized model side by side.
"""Runs models and what `gossamer optimize` makes of them in onnxruntime, in turns in one process.

  optimized.py MODEL.onnx ... [--threads 1] [--seconds 4] [--opset N]

Prints, for each model, the median of the paired ratios of run times (above 1: the optimized one is faster) and the largest
difference of the answers relative to the range of the output. With one thread it is the thread's own time that counts, so
that neighbours on the machine disturb less. Exit status 1 when a ratio is below 0.97 or answers differ by more than 0.001
(models of 8-bit integers: 0.05, for there one rounding can move a value by a whole step). The environment's GOSSAMER names
the tool.
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import onnxruntime as ort
import peers

SLOWEST = 0.97
TOOL = os.environ.get("GOSSAMER", "build/gossamer")


def session(path, threads):
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0" if threads == 1 else "1")
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def timed(run, feeds, clock=time.perf_counter):
    known = {i.name for i in run.get_inputs()}
    feeds = {name: value for name, value in feeds.items() if name in known}
    start = clock()
    answers = run.run(None, feeds)
    return clock() - start, answers


def optimize(path, written, feeds, folder, opset):
    """As it stands, else for the shapes of the feeds, with its scalars bound. The tool's words when
    neither can be done, else nothing."""
    fixed = []
    for k, (name, value) in enumerate(feeds.items()):
        np.save(f"{folder}/{k}.npy", value)
        shape = "x".join(map(str, value.shape))
        fixed += ["--shape", f"{name}={shape}"] if shape else ["--bind", f"{name}={folder}/{k}.npy"]
    for more in [], fixed:
        command = [TOOL, "optimize", str(path), "-o", str(written), "--json", *more]
        command += ["--opset", str(opset)] if opset else []
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode == 0:
            return ""
    return done.stderr.strip()


def difference(a, b):
    """Largest difference of two answers relative to the first one's range."""
    worst = 0.0
    for x, y in zip(a, b, strict=True):
        if x.shape != y.shape:
            return float("inf")
        if x.size:
            gap = np.max(np.abs(x.astype(np.float64) - y.astype(np.float64)))
            worst = max(worst, float(gap) / max(float(np.max(np.abs(x))), 1e-9))
    return worst


def compare(before, after, feeds, seconds, clock):
    """Median of paired ratios, and the answers' difference. Which of the two goes first changes
    from pair to pair."""
    _, wanted = timed(before, feeds)
    _, got = timed(after, feeds)
    ratios = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(ratios) < 20:
        order = [before, after] if len(ratios) % 2 else [after, before]
        times = {id(run): timed(run, feeds, clock)[0] for run in order}
        ratios.append(times[id(before)] / times[id(after)])
    return statistics.median(ratios), difference(wanted, got), len(ratios)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+", type=pathlib.Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--opset", type=int)
    given = parser.parse_args()
    failed = False
    for path in given.models:
        with tempfile.TemporaryDirectory() as folder:
            written = pathlib.Path(folder, path.name)
            feeds = peers.feeds(path.stem)
            words = optimize(path, written, feeds, folder, given.opset)
            if words:
                failed = True
                print(f"{path.stem:34} FAIL: {words}", flush=True)
                continue
            clock = time.thread_time if given.threads == 1 else time.perf_counter
            runs = session(path, given.threads), session(written, given.threads)
            ratio, gap, pairs = compare(*runs, feeds, given.seconds, clock)
        limit = 0.05 if "int8" in path.stem else 0.001
        fine = ratio >= SLOWEST and gap <= limit
        failed = failed or not fine
        words = "" if fine else "  FAIL"
        print(f"{path.stem:34} {ratio:6.3f}x  {gap:.1e}  {pairs} pairs{words}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

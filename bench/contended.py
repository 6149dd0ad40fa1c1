"""Latency beside a foreign process that spins: with one such process, two threads should lose little to one thread.

  bench/contended.py MODEL.goss ... [--tool build/gossamer] [--seconds 10] [--rounds 3] [--spinners 1] [--most 1.3]

A row a model: the median latency with 1 and with 2 threads under the same load, the rounds interleaved, and their
ratio (the median of the rounds'). Exit status 1 when a ratio is above --most. Models need fixed shapes, as
`gossamer compile --shape` gives them.
"""
import argparse
import json
import multiprocessing
import os
import statistics
import subprocess
import sys


def spin() -> None:
    while True:
        pass


def median_ms(tool: str, model: str, threads: int, seconds: float) -> float:
    command = [tool, "bench", model, "--threads", str(threads), "--seconds", str(seconds), "--json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["median_ms"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--tool", default=os.environ.get("GOSSAMER", "build/gossamer"))
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--spinners", type=int, default=1)
    parser.add_argument("--most", type=float, default=1.3)
    given = parser.parse_args()
    spinners = [multiprocessing.Process(target=spin, daemon=True) for _ in range(given.spinners)]
    for process in spinners:
        process.start()
    worst = 0.0
    try:
        for model in given.models:
            rounds = [[median_ms(given.tool, model, n, given.seconds) for n in (1, 2)] for _ in range(given.rounds)]
            one, two = (statistics.median(r[i] for r in rounds) for i in (0, 1))
            ratio = statistics.median(r[1] / r[0] for r in rounds)
            worst = max(worst, ratio)
            name = os.path.basename(model)
            print(f"{name:32} 1 thread {one:8.3f} ms, 2 threads {two:8.3f} ms, ratio {ratio:.2f}", flush=True)
    finally:
        for process in spinners:
            process.terminate()
    return 1 if worst > given.most else 0


if __name__ == "__main__":
    sys.exit(main())

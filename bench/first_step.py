#!/usr/bin/python3
"""Seconds from a command to the first step of its training: of the demo, and of ResNet-20 whose plan is made
by times, which are measured first (one run) and known from then on. Median (minimum) of several runs, each
stopped after its first step.

    bench/first_step.py [--program build/release/equipoise] [--runs 5]
"""

import argparse
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
DEMO = ["--config", str(ROOT / "scripts/demo.toml"), "--lr", "0.4", "--vary", "norm=batch,none,none+lr=0.05"]
RESNET = ["resnet20", "--data", "fashion-mnist"]


def seconds_to_first_step(program, arguments):
    """By the first line of metrics.jsonl, which every step writes here."""
    with tempfile.TemporaryDirectory() as folder:
        run = pathlib.Path(folder) / "run"
        start = time.monotonic()
        process = subprocess.Popen([program, "train", *arguments, "--log-every", "1", "-o", run],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        try:
            while not any(metrics.stat().st_size for metrics in run.rglob("metrics.jsonl")):
                if process.poll() is not None:
                    sys.exit(f"{program} ended before its first step:\n{process.stderr.read()}")
                time.sleep(0.002)
            return time.monotonic() - start
        finally:
            process.kill()
            process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=str(ROOT / "build/release/equipoise"))
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        timed = [*RESNET, "--plan", f"{folder}/times.json"]
        measured = seconds_to_first_step(arguments.program, timed)
        print(f"{'resnet20, times measured first':34}{measured:6.2f}")
        for name, what in (("resnet20, times known", timed), ("resnet20, no times", RESNET), ("scripts/demo", DEMO)):
            taken = [seconds_to_first_step(arguments.program, what) for _ in range(arguments.runs)]
            print(f"{name:34}{statistics.median(taken):6.2f} ({min(taken):.2f})")


if __name__ == "__main__":
    main()

"""The command line of bench/run."""

import argparse
import sys

from runner import build, norm, peers, step
from runner.process import MeasuringError


def _arguments():
    parser = argparse.ArgumentParser(
        prog="bench/run", description="Measures Equipoise beside its peers."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    norm.add_command(commands)
    step.add_command(commands)
    peers.add_command(commands)
    arguments = parser.parse_args()
    counts = [getattr(arguments, name, None) for name in ("threads", "rounds")]
    if any(count is not None and count < 1 for count in counts):
        parser.error("--threads and --rounds must be at least 1")
    return arguments


def main():
    arguments = _arguments()
    try:
        return arguments.run(arguments)
    except (MeasuringError, build.BuildError) as e:
        print(f"bench/run: {e}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nbench/run: interrupted", file=sys.stderr)
        return 1

"""Finds the measuring program, and builds it (preset release) if it is missing or out of date."""

import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = ROOT / "build" / "release"


class BuildError(Exception):
    """Its message is for the user."""


def _run(*command):
    done = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode != 0:
        sys.stderr.write(done.stdout)
        raise BuildError(f"{' '.join(command)} failed; is everything installed (scripts/setup)?")


def program(name, build=None):
    """The path of bench/`name`: in the folder `build` as it is, or in build/release, up to date."""
    if build:
        path = pathlib.Path(build) / "bench" / name
        if not path.exists():
            raise BuildError(f"{path} does not exist; build it, or leave --build away")
        return path
    path = BUILD / "bench" / name
    if not path.exists():
        print(f"building {name} (preset release)", file=sys.stderr, flush=True)
    try:
        if not (BUILD / "build.ninja").exists():
            _run("cmake", "--preset", "release")
        _run("cmake", "--build", "--preset", "release", "--target", name)
    except FileNotFoundError as missing:
        raise BuildError(f"{missing.filename} is not installed; run scripts/setup") from missing
    return path

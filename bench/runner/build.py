"""Finds the measuring program, and builds it (preset release) if it is missing or out of date."""

import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = ROOT / "build" / "release"


class BuildError(Exception):
    """Its message is for the user."""


def run(*command):
    """Says what a command prints only if it fails; raises BuildError then."""
    done = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode != 0:
        sys.stderr.write(done.stdout)
        raise BuildError(f"{' '.join(map(str, command))} failed; is everything installed (scripts/setup)?")


def program(name, build=None, target=None):
    """The path of `name`: in the folder `build` as it is, or in build/release, up to date. The
    target is called as the file by default."""
    if build:
        path = pathlib.Path(build) / name
        if not path.exists():
            raise BuildError(f"{path} does not exist; build it, or leave --build away")
        return path
    path = BUILD / name
    if not path.exists():
        print(f"building {name} (preset release)", file=sys.stderr, flush=True)
    try:
        run("cmake", "--preset", "release")
        run("cmake", "--build", "--preset", "release", "--target", target or path.name)
    except FileNotFoundError as missing:
        raise BuildError(f"{missing.filename} is not installed; run scripts/setup") from missing
    return path

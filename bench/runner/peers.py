"""bench/run peers: the newest PyTorch and ONNX Runtime, where bench/run step looks for them."""

import subprocess
import sys

from runner.build import ROOT, BuildError

FOLDER = ROOT / "build" / "peers"
PYTHON = FOLDER / "bin" / "python"
PACKAGES = ("torch", "numpy", "onnxruntime")


def add_command(commands):
    peers = commands.add_parser(
        "peers",
        help="install the newest PyTorch and ONNX Runtime for `bench/run step`",
        description="Installs or updates PyTorch and ONNX Runtime from PyPI in build/peers, some "
        "gigabytes with what they depend on.",
    )
    peers.set_defaults(run=_peers)


def _peers(_arguments):
    for command in (
        [sys.executable, "-m", "venv", FOLDER],
        [PYTHON, "-m", "pip", "install", "--upgrade", *PACKAGES],
    ):
        if subprocess.run(command, check=False).returncode != 0:
            raise BuildError(f"{' '.join(map(str, command))} failed (Debian: python3-venv)")
    return 0

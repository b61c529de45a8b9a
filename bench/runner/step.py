"""bench/run step: training steps and inference of whole networks, ours and others' in turn."""

import dataclasses
import datetime
import json
import os
import pathlib
import sys
import tempfile

from runner import build, peers
from runner.machine import cpu
from runner.process import MeasuringError
from runner.progress import Progress
from runner.step_contenders import Ours, onnxruntime, pytorch, version_of
from runner.step_suite import MEMORIES, MODES, NETWORKS, QUICK, USUAL, step_cases
from runner.step_table import print_table, row

DEBIAN_PYTHON = "/usr/bin/python3"


def add_command(commands):
    step = commands.add_parser(
        "step",
        help="training steps and inference of networks beside PyTorch",
        description="Measures `equipoise bench` in turn with PyTorch in the better of its two memory "
        "formats, with glibc's allocator as it is and told to keep memory, and inference also with "
        "ONNX Runtime. Builds the release preset if needed. See bench/README.md.",
    )
    step.add_argument(
        "--quick",
        action="store_true",
        help=f"one short round of {', '.join(QUICK)}: a minute, most of it PyTorch's",
    )
    models = [network.name for network in NETWORKS]
    step.add_argument(
        "--models",
        nargs="+",
        choices=models,
        metavar="MODEL",
        help=f"some of {', '.join(models)} (default: {', '.join(USUAL)})",
    )
    step.add_argument(
        "--modes",
        nargs="+",
        choices=MODES,
        default=MODES,
        metavar="MODE",
        help="train, infer (default: both)",
    )
    step.add_argument(
        "--memory",
        nargs="+",
        choices=MEMORIES,
        default=MEMORIES,
        metavar="MEMORY",
        help="of our training: default, lean (default: both)",
    )
    step.add_argument(
        "--batches",
        nargs="+",
        type=int,
        metavar="N",
        help="batch sizes (default: those usual for the model)",
    )
    step.add_argument(
        "--rounds",
        type=int,
        metavar="R",
        help="processes of every contender, in turn (default 3, with --quick 1)",
    )
    step.add_argument(
        "--seconds",
        type=float,
        metavar="S",
        help="time for the runs of one process, of which there are 3 to 200 (default 5, with "
        "--quick 1)",
    )
    step.add_argument(
        "--threads",
        type=int,
        default=len(os.sched_getaffinity(0)),
        metavar="T",
        help="threads of everybody (default: the cores, %(default)s)",
    )
    step.add_argument(
        "--python",
        action="append",
        metavar="PATH",
        help="whose PyTorch and ONNX Runtime to measure, may be given several times (default: "
        f"{DEBIAN_PYTHON} and what `bench/run peers` has installed)",
    )
    step.add_argument(
        "--compile", action="store_true", help="also with torch.compile, from PyTorch 2 on"
    )
    step.add_argument(
        "--optimize",
        action="store_true",
        help="inference also with torch.jit.optimize_for_inference",
    )
    step.add_argument(
        "--json",
        action="store_true",
        help="write a JSON document to standard output, the table to standard error",
    )
    step.add_argument(
        "--build", metavar="FOLDER", help="use this build folder as it is, instead of build/release"
    )
    step.set_defaults(run=_step)


@dataclasses.dataclass(frozen=True)
class _Installation:
    python: str
    pytorch: str | None  # versions
    onnxruntime: str | None


def _version(module, python):
    try:
        return version_of(module, python)
    except MeasuringError:
        return None


def _installations(arguments):
    """What there is to measure; says what there is not."""
    pythons = arguments.python or [DEBIAN_PYTHON, str(peers.PYTHON)]
    found = [_Installation(p, _version("torch", p), _version("onnxruntime", p)) for p in pythons]
    for installation in found:
        if installation.pytorch or installation.onnxruntime:
            continue
        hint = "`bench/run peers` installs both"
        if installation.python == DEBIAN_PYTHON:
            hint = "packages python3-torch libopenblas0"
        print(
            f"left out: {installation.python} has neither PyTorch nor ONNX Runtime ({hint})",
            file=sys.stderr,
        )
    return found


def _pytorches(installation, case, arguments):
    variants = [()]
    if arguments.compile and int(installation.pytorch.split(".")[0]) >= 2:
        variants.append(("--compile",))
    if arguments.optimize and case.mode == "infer":
        variants.append(("--optimize",))
    return [
        pytorch(installation.python, installation.pytorch, case, arguments.threads, options, tuned)
        for options in variants
        for tuned in (False, True)
    ]


class _Comparison:
    """Measures cases. `folder` is for files that peers read."""

    def __init__(self, arguments, folder):
        self._arguments = arguments
        self._folder = pathlib.Path(folder)
        self._program = build.program("equipoise", arguments.build, target="equipoise_program")
        self._installations = _installations(arguments)

    def _peers(self, case):
        found = []
        for installation in self._installations:
            if installation.pytorch:
                found += _pytorches(installation, case, self._arguments)
            if installation.onnxruntime and case.mode == "infer":
                found.append(
                    onnxruntime(
                        installation.python,
                        installation.onnxruntime,
                        case,
                        self._arguments.threads,
                        self._onnx(case.network),
                    )
                )
        return found

    def _onnx(self, network):
        file = self._folder / f"{network.name}.onnx"
        if not file.exists():
            program = build.program("bench/untrained_onnx", self._arguments.build)
            shape = [str(n) for n in (network.size, network.channels, network.classes)]
            build.run(program, network.name, *shape, file)
        return file

    def rows(self, case, progress):
        memories = self._arguments.memory if case.mode == "train" else ["default"]
        threads = self._arguments.threads
        all_ours = [Ours(self._program, case, threads, memory) for memory in memories]
        others = self._peers(case)
        floor_ms = all_ours[0].floor_ms()
        runs = max(3, min(200, round(self._arguments.seconds / all_ours[0].seconds())))
        for _ in range(self._arguments.rounds):
            for ours in all_ours:
                ours.measure(runs)
            others = [peer for peer in others if _measured(peer, runs)]
            progress.advance(1)
        return [
            row(case, threads, floor_ms, ours, peer) for ours in all_ours for peer in others or [None]
        ]


def _measured(peer, runs):
    """Whether it could be measured; says why not."""
    try:
        peer.measure(runs)
        return True
    except MeasuringError as e:
        print(f"\nleft out: {e}", file=sys.stderr)
        return False


def _with_defaults(arguments):
    if arguments.models is None:
        arguments.models = QUICK if arguments.quick else USUAL
    if arguments.rounds is None:
        arguments.rounds = 1 if arguments.quick else 3
    if arguments.seconds is None:
        arguments.seconds = 1 if arguments.quick else 5
    return arguments


def _step(arguments):
    arguments = _with_defaults(arguments)
    cases = step_cases(arguments.models, arguments.modes, arguments.batches)
    progress = Progress(len(cases) * arguments.rounds)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        comparison = _Comparison(arguments, folder)
        try:
            for case in cases:
                progress.show(case.name, case.name)
                rows += comparison.rows(case, progress)
        finally:
            progress.close()

    out = sys.stderr if arguments.json else sys.stdout
    print(f"{cpu()}, {arguments.threads} threads; median ms", file=out)
    print_table(rows, out)
    if arguments.json:
        document = {
            "version": 1,
            "machine": {"cpu": cpu(), "date": datetime.date.today().isoformat()},
            "rows": rows,
        }
        json.dump(document, sys.stdout, indent=1)
        print()
    return 0

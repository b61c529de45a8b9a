"""bench/run norm: normalization beside oneDNN, a copy of the tensor, and PyTorch."""

import datetime
import json
import os
import pathlib
import sys

from runner import build, suite, summary, table
from runner.machine import KEEP_MEMORY, cpu
from runner.measure import measure
from runner.process import MeasuringError, MeasuringProcess
from runner.progress import Progress

TORCH_NORM = pathlib.Path(__file__).resolve().parent.parent / "peers" / "torch_norm.py"

# Huge pages, which ours has, help at some shapes and hurt at others: there is a process with each,
# and the better one counts.
ALLOCATORS = {
    "small pages": KEEP_MEMORY,
    "huge pages": {**KEEP_MEMORY, "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"},
}


def add_command(commands):
    norm = commands.add_parser(
        "norm",
        help="normalization beside oneDNN, a copy of the tensor, and PyTorch",
        description="Measures normalization in turn with oneDNN's batch norm and a copy of the "
        "tensor in one process, and PyTorch's in others. Builds the release preset if needed. "
        "See bench/README.md.",
    )
    norm.add_argument(
        "--quick",
        action="store_true",
        help="a few shapes and rounds, without PyTorch: under a minute",
    )
    norm.add_argument(
        "--json",
        action="store_true",
        help="write a JSON document to standard output, the tables to standard error",
    )
    norm.add_argument(
        "--threads",
        type=int,
        default=len(os.sched_getaffinity(0)),
        metavar="T",
        help="threads of everybody (default: the cores, %(default)s)",
    )
    norm.add_argument(
        "--rounds",
        type=int,
        metavar="R",
        help="measurements of every contender (default 15, with --quick 7)",
    )
    norm.add_argument(
        "--seconds",
        type=float,
        default=4,
        metavar="S",
        help="time for the rounds of one shape, five rounds are always made (default %(default)s)",
    )
    norm.add_argument(
        "--filter",
        metavar="REGEX",
        help='only what matches "normalization/network/shape/layout/dtype", '
        'for example "batch/resnet50/16x64x.*/blocked8/f32"',
    )
    norm.add_argument("--no-pytorch", action="store_true", help="leave PyTorch out")
    norm.add_argument(
        "--build", metavar="FOLDER", help="use this build folder as it is, instead of build/release"
    )
    norm.set_defaults(run=_norm)


def _start_pytorch(arguments, environment):
    """PyTorch's processes by name, and its version; none and None after saying why."""
    if arguments.quick or arguments.no_pytorch:
        return {}, None
    command = ["/usr/bin/python3", str(TORCH_NORM), str(arguments.threads)]
    processes = {}
    try:
        for name, allocator in ALLOCATORS.items():
            processes[name] = MeasuringProcess(command, {**environment, **allocator})
            version = processes[name].ask("describe")["version"]
        return processes, version
    except (MeasuringError, FileNotFoundError) as e:
        print(
            f"PyTorch's figures are left out: {e} (Debian: python3-torch libopenblas0)",
            file=sys.stderr,
        )
        for process in processes.values():
            process.close()
        return {}, None


def _measure_all(arguments, engine, pytorch, cache):
    chosen = suite.cases(cache, arguments.quick, arguments.filter)
    if not chosen:
        raise MeasuringError(f"no case matches --filter {arguments.filter}")
    rounds = arguments.rounds or (7 if arguments.quick else 15)
    # Small tensors are measured several at a time: time goes with max(bytes, cache).
    costs = [len(c.variants) * max(c.tensor_bytes("f32"), cache) for c in chosen]
    progress = Progress(sum(costs))
    rows = []
    try:
        for case, cost in zip(chosen, costs):
            progress.show(f"{case.normalization} norm, {case.network}", case.name)
            rows += measure(case, engine, pytorch, rounds, arguments.seconds)
            progress.advance(cost)
    finally:
        progress.close()
    return rows


def _norm(arguments):
    program = build.program("bench/norm_rounds", arguments.build)
    environment = {**os.environ, "OMP_NUM_THREADS": str(arguments.threads)}
    engine = MeasuringProcess([str(program), str(arguments.threads)], environment)
    pytorch = {}
    try:
        machine = engine.ask("describe")
        cache = machine["last_level_cache"]
        if not machine["onednn"]:
            print(
                "oneDNN's figures are left out: it was absent at build time (Debian: libdnnl-dev)",
                file=sys.stderr,
            )
        pytorch, pytorch_version = _start_pytorch(arguments, environment)
        bandwidth = engine.ask("bandwidth")["bytes_per_second"]
        rows = _measure_all(arguments, engine, pytorch, cache)
    finally:
        engine.close()
        for process in pytorch.values():
            process.close()

    document = {
        "version": 1,
        "machine": {
            "cpu": cpu(),
            **machine,
            "pytorch": pytorch_version,
            "date": datetime.date.today().isoformat(),
        },
        "bytes_per_second": bandwidth,
        "headline_layout": summary.headline_layout(rows),
        "rows": rows,
        "geomean": summary.geomeans(rows, cache),
        "geomean_by_layout": summary.geomeans_by_layout(rows, cache),
    }
    out = sys.stderr if arguments.json else sys.stdout
    print(
        f"{document['machine']['cpu']}, {machine['simd_target']}, {arguments.threads} threads; "
        f"oneDNN {machine['onednn'] or 'absent'}, PyTorch {pytorch_version or 'left out'}",
        file=out,
    )
    table.print_rows(rows, cache, out)
    table.print_bandwidth(bandwidth, out)
    table.print_geomeans(document, out)
    table.print_noise(rows, out)
    if arguments.json:
        json.dump(document, sys.stdout, indent=1)
        print()
    return 0

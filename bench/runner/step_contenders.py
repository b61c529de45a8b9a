"""Who is compared by bench/run step. Each measurement is a process of its own, so that nobody
inherits another's memory or threads; what it printed is kept."""

import json
import os
import pathlib
import statistics
import subprocess

from runner.machine import KEEP_MEMORY
from runner.process import MeasuringError

PEERS = pathlib.Path(__file__).resolve().parent.parent / "peers"


def document_of(command, environment=None):
    """The JSON document that a command prints last."""
    try:
        done = subprocess.run(
            list(map(str, command)),
            env={**os.environ, **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    except OSError as e:
        raise MeasuringError(f"{command[0]}: {e.strerror}") from e
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or ["it said nothing"]
        raise MeasuringError(f"{' '.join(map(str, command))} failed: {said[-1]}")
    return json.loads(done.stdout)


def median_of(documents):
    return statistics.median(document["median_ms"] for document in documents)


class Ours:
    def __init__(self, program, case, threads, memory):
        """`memory` as --memory has it; inference has one kind alone."""
        self._program = program
        network = case.network
        self._case = case
        self._options = [network.name, "--batch", case.batch, "--threads", threads, "--json"]
        self._options += ["--size", network.size, "--input-channels", network.channels]
        self._options += ["--classes", network.classes]
        self._memory = ["--memory", memory] if case.mode == "train" else []
        self.documents = []

    def _ask(self, *words):
        return document_of([self._program, "bench", *words, *self._options])

    def _run(self, runs):
        return self._ask(self._case.mode, *self._memory, "--runs", runs)

    def seconds(self):
        """Of one run, as a first estimate."""
        return self._run(3)["median_ms"] / 1000

    def floor_ms(self):
        """What the convolutions and matrix products of a training step take alone."""
        return self._ask("floor")["floor_ms"] if self._case.mode == "train" else None

    def measure(self, runs):
        self.documents.append(self._run(runs))


class Peer:
    """Someone else at a case. The first measurement takes all `forms`, the others the fastest."""

    def __init__(self, name, version, words, command, forms, environment=None):
        """`words` say which of its options are on; `forms` are by their words the arguments of one
        and the same thing that is fast in one or the other."""
        self.name = name
        self.version = version
        self._words = words
        self._command = command
        self._forms = forms
        self._environment = environment or {}
        self._documents = {form: [] for form in forms}

    def measure(self, runs):
        for form, documents in self._documents.items():
            command = [*self._command, *self._forms[form], "--runs", runs]
            documents.append(document_of(command, self._environment))
        best = min(self._documents, key=lambda form: median_of(self._documents[form]))
        self._documents = {best: self._documents[best]}

    @property
    def options(self):
        return [word for word in (*self._documents, *self._words) if word]

    @property
    def documents(self):
        """Of the fastest form."""
        return next(iter(self._documents.values()))


def version_of(module, python):
    """Raises MeasuringError where there is none."""
    code = f"import json, {module}; print(json.dumps({module}.__version__))"
    return document_of([python, "-c", code])


def _shape(case, threads):
    network = case.network
    return ["--batch", case.batch, "--size", network.size, "--channels", network.channels] + [
        "--threads",
        threads,
    ]


def pytorch(python, version, case, threads, options=(), tuned=False):
    """With options of bench/peers/torch_step.py; `tuned`: glibc keeps memory that is freed."""
    command = [python, PEERS / "torch_step.py", "--model", case.network.name, *options]
    command += [*_shape(case, threads), "--classes", case.network.classes]
    command += ["--infer"] * (case.mode == "infer")
    words = [option.lstrip("-") for option in options] + ["tuned malloc"] * tuned
    forms = {"contiguous": [], "channels_last": ["--channels-last"]}
    return Peer("pytorch", version, words, command, forms, KEEP_MEMORY if tuned else {})


def onnxruntime(python, version, case, threads, file):
    command = [python, PEERS / "onnxruntime_step.py", file, *_shape(case, threads)]
    return Peer("onnxruntime", version, [], command, {"": []})

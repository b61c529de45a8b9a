"""Reads the folder of a run, for tests."""

import json
import pathlib
import struct


def metrics(run):
    """The lines of metrics.jsonl."""
    return [json.loads(line) for line in (pathlib.Path(run) / "metrics.jsonl").read_text().splitlines()]


def checkpoints(run):
    return sorted((pathlib.Path(run) / "checkpoints").glob("*.safetensors"))


def content(checkpoint):
    """Facts and tensors, but for what tells the time."""
    data = pathlib.Path(checkpoint).read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + length])
    facts = header.pop("__metadata__")
    for name in ("seconds", "checksum"):
        facts.pop(name)
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        tensors[name] = (entry["dtype"], entry["shape"], data[8 + length + begin:8 + length + end])
    return facts, tensors


def everything(run):
    """What two runs of the same bits have in common."""
    lines = [{key: value for key, value in line.items() if key != "time"} for line in metrics(run)]
    files = {path.name: content(path) for path in checkpoints(run)}
    for name in ("model.onnx", "plan.json"):
        file = pathlib.Path(run) / name
        files[name] = file.read_bytes() if file.exists() else None
    return lines, files

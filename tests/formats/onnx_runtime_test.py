"""Compares our outputs with those of ONNX Runtime for the files of onnx_runtime_files.cc.

    onnx_runtime_test.py <program> <folder>

Runs with whatever Python has onnxruntime (a package of PyPI): this one, or that of the environment variable
EQUIPOISE_ONNXRUNTIME_PYTHON. Ends with 77, skipped, without it.
"""

import json
import os
import pathlib
import struct
import subprocess
import sys

try:
    import numpy
    import onnxruntime
except ImportError:
    other = os.environ.pop("EQUIPOISE_ONNXRUNTIME_PYTHON", None)
    if other is None:
        print("skipped: no onnxruntime")
        sys.exit(77)
    sys.exit(subprocess.run([other, *sys.argv], check=False).returncode)


def read_tensors(path):
    data = path.read_bytes()
    length, = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + length])
    header.pop("__metadata__", None)
    for name, tensor in header.items():
        begin, end = (8 + length + offset for offset in tensor["data_offsets"])
        kind = {"F32": "<f4", "I32": "<i4"}[tensor["dtype"]]
        header[name] = numpy.frombuffer(data[begin:end], kind).reshape(tensor["shape"])
    return header


def main(program, folder):
    subprocess.run([program, folder], check=True)
    failures = 0
    files = sorted(folder.glob("*.onnx"))
    for file in files:
        tensors = read_tensors(file.with_suffix(".safetensors"))
        expected = tensors.pop("logits")
        session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
        actual, = session.run(["logits"], tensors)
        error = numpy.abs(actual - expected).max() / numpy.abs(expected).max()
        if not error < 1e-4:
            failures += 1
            print(f"{file.stem}: relative error {error:.2g}")
        file.unlink()
        file.with_suffix(".safetensors").unlink()
    print(f"{len(files)} networks, {failures} of them differ")
    return 1 if failures or not files else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], pathlib.Path(sys.argv[2])))

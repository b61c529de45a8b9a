#!/usr/bin/env python3
"""One inference pass of an ONNX file in ONNX Runtime, on the CPU, all of its optimizations on.

  onnxruntime_step.py FILE --batch 16 --size 224 --threads 2 [--channels 3] [--runs 5]

Prints one JSON line, as torch_step.py does.
"""

import argparse
import json
import resource
import statistics
import time

import numpy
import onnxruntime

parser = argparse.ArgumentParser()
parser.add_argument("file")
parser.add_argument("--batch", type=int, default=16)
parser.add_argument("--size", type=int, default=224)
parser.add_argument("--channels", type=int, default=3)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--runs", type=int, default=5)
arguments = parser.parse_args()

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = arguments.threads
options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
session = onnxruntime.InferenceSession(
    arguments.file, options, providers=["CPUExecutionProvider"]
)
shape = (arguments.batch, arguments.channels, arguments.size, arguments.size)
images = numpy.random.default_rng(0).standard_normal(shape, dtype=numpy.float32)
inputs = {session.get_inputs()[0].name: images}

for _ in range(2):
    session.run(None, inputs)
times = []
for _ in range(arguments.runs):
    start = time.perf_counter()
    session.run(None, inputs)
    times.append((time.perf_counter() - start) * 1e3)
document = {
    "peer": "onnxruntime " + onnxruntime.__version__,
    "median_ms": round(statistics.median(times), 2),
    "min_ms": round(min(times), 2),
    "peak_rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
}
print(json.dumps(document))

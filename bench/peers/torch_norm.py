#!/usr/bin/python3
"""PyTorch's layer, group and instance normalization, forward and backward, for bench/run norm.

  torch_norm.py THREADS

The protocol is that of norm_rounds: a command per line of standard input, an answer per line of
standard output. What is in PyTorch's favour: functional calls and autograd.grad (no gradient is
accumulated), parameters made once, inputs in the contiguous layout and in channels_last, and an
environment in which freed memory is kept (runner/main.py).
"""

import json
import os
import sys
import time

# Fewer elements than this per thread, and PyTorch uses one thread: the wake-up call needs more.
WAKE_ELEMENTS = 1 << 18


def last_level_cache():
    sizes = []
    folder = "/sys/devices/system/cpu/cpu0/cache"
    for index in os.listdir(folder) if os.path.isdir(folder) else []:
        try:
            with open(f"{folder}/{index}/size") as f:
                text = f.read().strip()
        except OSError:
            continue
        unit = {"K": 1 << 10, "M": 1 << 20}.get(text[-1])
        sizes.append(int(text[:-1]) * unit if unit else int(text))
    return max(sizes, default=8 << 20)


class Contender:
    """A normalization in one memory format, with its rotated inputs."""

    def __init__(self, torch, command, layout):
        shape, normalization = command["shape"], command["normalization"]
        functional = torch.nn.functional
        channels = shape[1]
        memory_format = (
            torch.channels_last if layout == "channels_last" else torch.contiguous_format
        )
        self._grad = torch.autograd.grad
        self._weight = torch.rand(channels, requires_grad=True)
        self._bias = torch.rand(channels, requires_grad=True)
        self._call = {
            "layer": lambda x: functional.layer_norm(
                x, (channels,), self._weight, self._bias, 1e-5
            ),
            "group": lambda x: functional.group_norm(
                x, command["groups"], self._weight, self._bias, 1e-5
            ),
            "instance": lambda x: functional.instance_norm(
                x, None, None, self._weight, self._bias, True, 0.1, 1e-5
            ),
        }[normalization]
        tensor = 4
        for d in shape:
            tensor *= d
        cache = last_level_cache()
        sets = min(max(-(-4 * cache // (2 * tensor)), 2), 256)
        self.calls = min(max(cache // (2 * tensor), 1), max(sets // 4, 1))
        block = torch.randn(1 << 18)
        x = block.repeat(-(-tensor // (4 * len(block))))[: tensor // 4].reshape(shape)
        x = x.contiguous(memory_format=memory_format)
        self._sets = [
            (
                x.clone(memory_format=torch.preserve_format).requires_grad_(True),
                x.clone(memory_format=torch.preserve_format),
            )
            for _ in range(sets)
        ]
        self._next = 0
        self.listed = {
            "who": "pytorch",
            "pass": "forward_backward",
            "layout": layout,
            "dtype": "f32",
            "implementation": "",
        }

    def warm_up(self):
        # The heap grows to its final size in the first few calls, huge pages take the longest.
        deadline = time.perf_counter() + 1.0
        for _ in range(8 * self.calls):
            self.run()
            if time.perf_counter() > deadline:
                break

    def run(self):
        x, dy = self._sets[self._next]
        self._next = (self._next + 1) % len(self._sets)
        self._grad(self._call(x), (x, self._weight, self._bias), dy)


class Peer:
    def __init__(self, threads):
        import torch

        self._torch = torch
        torch.manual_seed(0)
        torch.set_num_threads(threads)
        self._wake = torch.ones(WAKE_ELEMENTS)
        self._contenders = []
        self._first = 0

    def describe(self, _):
        return {"version": self._torch.__version__, "threads": self._torch.get_num_threads()}

    def setup(self, command):
        self._contenders = []  # frees the tensors of the last case first
        self._contenders = [
            Contender(self._torch, command, v["layout"]) for v in command["variants"]
        ]
        for contender in self._contenders:
            contender.warm_up()
        return {"contenders": [c.listed for c in self._contenders]}

    def round(self, command):
        seconds = [0.0] * len(self._contenders)
        for i in range(len(seconds)):
            k = (i + self._first) % len(seconds)
            if k in command["skip"]:
                seconds[k] = None
                continue
            contender = self._contenders[k]
            self._wake.add_(1)
            start = time.perf_counter()
            for _ in range(contender.calls):
                contender.run()
            seconds[k] = (time.perf_counter() - start) / contender.calls
        self._first += 1
        return {"seconds": seconds}


def main():
    try:
        peer = Peer(int(sys.argv[1]))
    except ImportError:
        print(json.dumps({"error": "PyTorch is not installed"}))
        return 1
    for line in sys.stdin:
        command = json.loads(line)
        try:
            answer = getattr(peer, command["do"])(command)
        except Exception as e:  # whatever PyTorch throws goes to the runner
            answer = {"error": str(e)}
        print(json.dumps(answer), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Rounds over the cases: every contender of both processes once per round, one at a time."""

import statistics
import time

# Seconds between the processes. Idle OpenMP threads spin for some milliseconds before they sleep;
# after this pause neither process takes cycles from the other, and within a process the default
# (spinning) serves everybody alike.
PAUSE = 0.02

PASSES = {
    "batch": {"forward": "forward_relu", "backward": "backward_relu"},
    "layer": {"forward_backward": "forward_backward"},
    "group": {"forward_backward": "forward_backward"},
    "instance": {"forward_backward": "forward_backward"},
}

# Tensors that a pass must move at least: forward x and y; backward x, dy and dx.
TENSORS_MOVED = {"forward": 2, "backward": 3, "forward_backward": 5, "copy": 2}


def _summary(seconds):
    return {
        "median_ms": round(1e3 * statistics.median(seconds), 4),
        "min_ms": round(1e3 * min(seconds), 4),
        "rounds": len(seconds),
    }


class _Contenders:
    """What one process measures for a case, and its times so far."""

    def __init__(self, process, command):
        self._process = process
        self._listed = process.ask("setup", **command)["contenders"]
        self._times = [[] for _ in self._listed]

    def round(self, number):
        skip = self._slow() if number % 4 else []
        seconds = self._process.ask("round", skip=skip)["seconds"]
        for times, value in zip(self._times, seconds):
            if value is not None:
                times.append(value)

    def _slow(self):
        """Those that would take the time of all others: every fourth round is enough for them."""
        best = min(min(times) for times in self._times)
        return [i for i, times in enumerate(self._times) if min(times) > 20 * best]

    def find(self, who, what, layout, dtype):
        for listed, times in zip(self._listed, self._times):
            same_layout = what == "copy" or listed["layout"] == layout
            if same_layout and (listed["who"], listed["pass"], listed["dtype"]) == (
                who,
                what,
                dtype,
            ):
                summary = _summary(times)
                if listed.get("implementation"):
                    summary["implementation"] = listed["implementation"]
                return summary
        return None


def _better(contenders, *wanted):
    """The entry of the process that was fastest; it says which, where there are several."""
    entries = []
    for name, others in contenders.items():
        entry = others.find(*wanted)
        if entry:
            entries.append({**entry, "process": name})
    return min(entries, key=lambda entry: entry["median_ms"], default=None)


def measure(case, engine, pytorch, rounds, seconds):
    """Rows of a case; `pytorch` has PyTorch's processes by name. Stops before
    `rounds` when `seconds` are over, but not before five rounds."""
    contenders = _Contenders(engine, case.command())
    others = {}
    if case.normalization != "batch":
        others = {name: _Contenders(peer, case.command()) for name, peer in pytorch.items()}
    deadline = time.monotonic() + seconds
    for i in range(rounds):
        if others:
            time.sleep(PAUSE)
        contenders.round(i)
        for peer in others.values():
            time.sleep(PAUSE)
            peer.round(i)
        if i + 1 >= 5 and time.monotonic() > deadline:
            break

    rows = []
    for layout, dtype in case.variants:
        for what, called in PASSES[case.normalization].items():
            rows.append(
                {
                    "normalization": case.normalization,
                    "network": case.network,
                    "shape": list(case.shape),
                    "layers": case.layers,
                    "layout": layout,
                    "dtype": dtype,
                    "pass": called,
                    "bytes_at_least": TENSORS_MOVED[what] * case.tensor_bytes(dtype),
                    "ours": contenders.find("ours", what, layout, dtype),
                    "onednn": contenders.find("onednn", what, layout, dtype),
                    "copy": contenders.find("copy", "copy", layout, dtype),
                    "memcpy": contenders.find("memcpy", "copy", layout, dtype),
                    "pytorch": _better(others, "pytorch", what, layout, dtype),
                }
            )
    return rows

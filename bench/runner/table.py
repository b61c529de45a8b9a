"""The tables for people."""

from runner.summary import median, ratio

TITLES = {
    ("batch", "forward_relu"): "batch norm + ReLU, training forward",
    ("batch", "backward_relu"): "batch norm + ReLU, backward",
    ("layer", "forward_backward"): "layer norm, forward + backward",
    ("group", "forward_backward"): "group norm (32 groups), forward + backward",
    ("instance", "forward_backward"): "instance norm, forward + backward",
}

WHO = {"onednn": "oneDNN", "copy": "copy", "memcpy": "memcpy", "pytorch": "PyTorch"}


def _time(entry):
    return f"{entry['median_ms']:8.3f} ({entry['min_ms']:.3f})" if entry else "–"


def _factor(value):
    return f"{value:.2f}" if value else "–"


def _print_rows(rows, peers, out):
    head = f"  {'shape':18} {'layout':15}{'ours':>19}"
    for who in peers:
        head += f"{WHO[who]:>19}"
    head += f"{'GB/s':>8}{'ours/copy':>11}"
    if "onednn" in peers:
        head += f"{'oneDNN/ours':>13}"
    if "pytorch" in peers:
        head += f"{'PyTorch/ours':>14}"
    print(head, file=out)
    previous = None
    for row in rows:
        shape = "×".join(map(str, row["shape"]))
        line = (
            f"  {shape if shape != previous else '':18} {row['layout']:15}{_time(row['ours']):>19}"
        )
        previous = shape
        for who in peers:
            line += f"{_time(row[who]):>19}"
        line += f"{row['bytes_at_least'] / median(row, 'ours') / 1e6:8.1f}"
        line += f"{_factor(ratio(median(row, 'ours'), median(row, 'copy'))):>11}"
        if "onednn" in peers:
            line += f"{_factor(ratio(median(row, 'onednn'), median(row, 'ours'))):>13}"
        if "pytorch" in peers:
            line += f"{_factor(ratio(median(row, 'pytorch'), median(row, 'ours'))):>14}"
        print(line, file=out)


def _print_implementations(rows, out):
    found = {}
    for row in rows:
        if row["onednn"]:
            name = row["onednn"]["implementation"]
            found.setdefault((row["layout"], row["dtype"]), {}).setdefault(name, None)
    if not found:
        return
    print("\noneDNN's implementations", file=out)
    for (layout, dtype), names in found.items():
        told = ", ".join(name if "jit" in name else f"{name} (plain C++, no JIT)" for name in names)
        print(f"  {layout:15} {dtype:5} {told}", file=out)


def print_rows(rows, cache, out):
    """Every row, a section per normalization, pass, dtype and network."""
    sections = {}
    for row in rows:
        key = (row["normalization"], row["pass"], row["dtype"], row["network"])
        sections.setdefault(key, []).append(row)
    print(
        "Times: median (minimum) in ms. GB/s: the bytes that must move at least, by our median. "
        f"Last-level cache: {cache / 2**20:.0f} MiB.",
        file=out,
    )
    for (normalization, what, dtype, network), chosen in sections.items():
        print(f"\n{TITLES[normalization, what]}, {network}, {dtype}", file=out)
        peers = [
            who for who in ("onednn", "copy", "memcpy", "pytorch") if any(r[who] for r in chosen)
        ]
        _print_rows(chosen, peers, out)
    _print_implementations(rows, out)


def print_noise(rows, out):
    """Says so where times vary as they do not on a quiet machine."""
    entries = [row[who] for row in rows for who in ("ours", *WHO) if row[who]]
    noisy = sum(entry["median_ms"] > 1.3 * entry["min_ms"] for entry in entries)
    if 10 * noisy > len(entries):
        print(
            f"\nNOISY: {noisy} of {len(entries)} medians are more than 30 % above the minimum. "
            "Measure again on a quiet machine.",
            file=out,
        )


def print_bandwidth(bandwidth, out):
    print("\nWhat memory allows, GB/s read and written (median)", file=out)
    print(
        f"  {'threads':8}{'copy, streaming':>17}{'memcpy':>9}{'read':>8}{'streaming fill':>16}",
        file=out,
    )
    for row in bandwidth:
        print(
            f"  {row['threads']:<8}{row['stream_copy'] / 1e9:17.1f}{row['memcpy'] / 1e9:9.1f}"
            f"{row['read'] / 1e9:8.1f}{row['stream_fill'] / 1e9:16.1f}",
            file=out,
        )


LINES = (
    (
        "forward_relu_vs_copy",
        "batch norm + ReLU forward over the streaming copy, beyond the cache",
        "≤ 1.7",
    ),
    (
        "backward_relu_vs_copy",
        "batch norm + ReLU backward over the streaming copy, beyond the cache",
        "",
    ),
    ("forward_relu_vs_onednn", "oneDNN's forward over ours, ResNet-50's shapes", "≥ 1.4"),
    ("backward_relu_vs_onednn", "oneDNN's backward over ours, ResNet-50's shapes", "≥ 1.3"),
    ("layer_vs_pytorch", "PyTorch's layer norm over ours, forward + backward", "≥ 2"),
    ("group_vs_pytorch", "PyTorch's group norm over ours, forward + backward", "≥ 2"),
    ("instance_vs_pytorch", "PyTorch's instance norm over ours, forward + backward", "≥ 3"),
    ("channels_last_vs_blocked", "ours in channels_last over ours in blocked8", "≤ 1.4"),
    ("bf16_vs_f32", "ours in bf16 over ours in f32, beyond the cache", "≤ 0.65"),
)


def print_geomeans(document, out):
    layout = document["headline_layout"]
    of_layout = f"{layout}, the layout in which oneDNN is fastest here" if layout else "blocked8"
    print(
        f"\nGeometric means of ratios of medians, every shape once; batch norm in {of_layout}",
        file=out,
    )
    for name, what, goal in LINES:
        value = document["geomean"][name]
        told = f"{value:6.2f}" if value else "     –"
        print(f"  {told}  {what}{f' (goal {goal})' if goal else ''}", file=out)
    print(
        f"\n  {'by layout':15}{'forward/copy':>14}{'backward/copy':>15}{'oneDNN/forward':>16}"
        f"{'oneDNN/backward':>17}{'bf16/f32':>10}",
        file=out,
    )
    for layout, figures in document["geomean_by_layout"].items():
        names = (
            "forward_relu_vs_copy",
            "backward_relu_vs_copy",
            "forward_relu_vs_onednn",
            "backward_relu_vs_onednn",
            "bf16_vs_f32",
        )
        told = [_factor(figures[n]) for n in names]
        if any(t != "–" for t in told):
            print(
                f"  {layout:15}{told[0]:>14}{told[1]:>15}{told[2]:>16}{told[3]:>17}{told[4]:>10}",
                file=out,
            )

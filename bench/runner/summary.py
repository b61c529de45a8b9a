"""Geometric means of the ratios of medians. Every distinct shape (N included) counts once, however
many layers have it."""

import math

from runner.suite import LAYOUTS


def geomean(ratios):
    """None for no ratios."""
    ratios = list(ratios)
    if not ratios:
        return None
    return round(math.exp(sum(map(math.log, ratios)) / len(ratios)), 3)


def median(row, who):
    return row[who]["median_ms"] if row.get(who) else None


def ratio(a, b):
    """None if one of them was not measured."""
    return a / b if a and b else None


def _ratios(rows, over, under):
    values = (ratio(median(row, over), median(row, under)) for row in rows)
    return [v for v in values if v]


def _select(rows, **wanted):
    return [row for row in rows if all(row[key] == value for key, value in wanted.items())]


def beyond_cache(row, cache):
    """Whether x and y, stored as f32, exceed twice the last-level cache."""
    return 2 * 4 * math.prod(row["shape"]) > 2 * cache


def headline_layout(rows):
    """The layout in which oneDNN's batch norm is fastest at ResNet-50's shapes; None without it."""
    best = None
    for layout in LAYOUTS:
        times = [
            median(r, "onednn")
            for r in _select(
                rows, normalization="batch", network="resnet50", layout=layout, dtype="f32"
            )
        ]
        mean = geomean(times) if times and all(times) else None
        if mean and (best is None or mean < best[0]):
            best = (mean, layout)
    return best[1] if best else None


def _between(rows, key, over, under):
    """Ours with `key` = `over` divided by ours with `key` = `under`, where there are both."""

    def identity(row):
        return tuple(
            str(v)
            for k, v in row.items()
            if k in {"normalization", "network", "shape", "layout", "dtype", "pass"} - {key}
        )

    times = {identity(row): median(row, "ours") for row in rows if row[key] == under}
    values = (
        ratio(median(row, "ours"), times.get(identity(row))) for row in rows if row[key] == over
    )
    return [v for v in values if v]


def _vs_pytorch(rows, normalization):
    """PyTorch in its better layout for the shape over ours in that layout."""
    best = {}
    for row in _select(rows, normalization=normalization, dtype="f32"):
        key = (row["network"], *row["shape"])
        if median(row, "pytorch") and median(row, "pytorch") < best.get(key, (math.inf,))[0]:
            best[key] = (median(row, "pytorch"), median(row, "ours"))
    return geomean(ratio(theirs, ours) for theirs, ours in best.values() if ours)


def batch_figures(rows, layout, cache, network="resnet50"):
    """Forward and backward in one layout, beside the copy (all networks, beyond the cache) and
    oneDNN (one network)."""
    figures = {}
    for what in ("forward_relu", "backward_relu"):
        chosen = _select(rows, normalization="batch", layout=layout, dtype="f32", **{"pass": what})
        large = [row for row in chosen if beyond_cache(row, cache)]
        figures[f"{what}_vs_copy"] = geomean(_ratios(large, "ours", "copy"))
        figures[f"{what}_vs_onednn"] = geomean(
            _ratios(_select(chosen, network=network), "onednn", "ours")
        )
    return figures


def geomeans(rows, cache):
    """The figures by name: ours over the other for _vs_copy, _vs_blocked and _vs_f32, theirs over
    ours for the rest."""
    layout = headline_layout(rows) or "blocked8"
    batch_f32 = _select(rows, normalization="batch", dtype="f32")
    large = [
        row
        for row in _select(rows, normalization="batch", layout=layout)
        if beyond_cache(row, cache)
    ]
    figures = batch_figures(rows, layout, cache)
    return {
        "forward_relu_vs_copy": figures["forward_relu_vs_copy"],
        "backward_relu_vs_copy": figures["backward_relu_vs_copy"],
        "forward_relu_vs_onednn": figures["forward_relu_vs_onednn"],
        "backward_relu_vs_onednn": figures["backward_relu_vs_onednn"],
        "layer_vs_pytorch": _vs_pytorch(rows, "layer"),
        "group_vs_pytorch": _vs_pytorch(rows, "group"),
        "instance_vs_pytorch": _vs_pytorch(rows, "instance"),
        "channels_last_vs_blocked": geomean(
            _between(batch_f32, "layout", "channels_last", "blocked8")
        ),
        "bf16_vs_f32": geomean(_between(large, "dtype", "bf16", "f32")),
    }


def geomeans_by_layout(rows, cache):
    """The batch-norm figures in every layout, oneDNN also at EfficientNet-B0's shapes."""
    result = {}
    for layout in LAYOUTS:
        figures = batch_figures(rows, layout, cache)
        other = batch_figures(rows, layout, cache, "efficientnet_b0")
        figures["efficientnet_b0_forward_relu_vs_onednn"] = other["forward_relu_vs_onednn"]
        figures["efficientnet_b0_backward_relu_vs_onednn"] = other["backward_relu_vs_onednn"]
        large = [
            row
            for row in _select(rows, normalization="batch", layout=layout)
            if beyond_cache(row, cache)
        ]
        figures["bf16_vs_f32"] = geomean(_between(large, "dtype", "bf16", "f32"))
        result[layout] = figures
    return result

"""What bench/run step says of one contender at a case, as data and for people."""

from runner.step_contenders import median_of


def row(case, threads, floor_ms, ours, peer):
    """`peer` may be None. `ratio`: how many times as long it takes as ours."""
    ours_ms = median_of(ours.documents)
    said = {
        "model": case.network.name,
        "mode": case.mode,
        "batch": case.batch,
        "size": case.network.size,
        "threads": threads,
        "memory_mode": ours.documents[-1]["memory"],
        "floor_ms": floor_ms,
        "peer": None,
        "peer_version": None,
        "peer_options": None,
        "ours_ms": ours_ms,
        "peer_ms": None,
        "ratio": None,
        "ours_mib": max(document["peak_resident_mib"] for document in ours.documents),
        "peer_mib": None,
    }
    if peer:
        peer_ms = median_of(peer.documents)
        said |= {
            "peer": peer.name,
            "peer_version": peer.version,
            "peer_options": peer.options,
            "peer_ms": peer_ms,
            "ratio": peer_ms / ours_ms,
            "peer_mib": max(document["peak_rss_mib"] for document in peer.documents),
        }
    return said


def _number(value, digits=2):
    return "–" if value is None else f"{value:.{digits}f}"


def print_table(rows, out):
    print(
        f"\n  {'model':16} {'mode':6}{'memory':8}{'batch':>6}{'floor':>10}{'ours':>10}{'peer':>10}"
        f"{'ratio':>7}{'ours MiB':>10}{'MiB':>7}  peer",
        file=out,
    )
    for entry in rows:
        peer = "–"
        if entry["peer"]:
            peer = f"{entry['peer']} {', '.join([entry['peer_version'], *entry['peer_options']])}"
        print(
            f"  {entry['model']:16} {entry['mode']:6}"
            f"{entry['memory_mode']:8}{entry['batch']:6}"
            f"{_number(entry['floor_ms']):>10}{_number(entry['ours_ms']):>10}"
            f"{_number(entry['peer_ms']):>10}{_number(entry['ratio']):>7}{_number(entry['ours_mib'], 0):>10}"
            f"{_number(entry['peer_mib'], 0):>7}  {peer}",
            file=out,
        )

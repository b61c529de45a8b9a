"""What is measured: shapes from bench/shapes, and for each the layouts and dtypes."""

import dataclasses
import math
import pathlib
import re

SHAPES = pathlib.Path(__file__).resolve().parent.parent / "shapes"

LAYOUTS = ("channels_first", "channels_last", "blocked8", "blocked16")

# Which shapes each normalization is measured at.
NETWORKS = {
    "batch": ("resnet50", "efficientnet_b0"),
    "layer": ("vit_b16", "bert_base"),
    "group": ("resnet50",),
    "instance": ("resnet50",),
}

# For a first look: one large, one middle, one small shape of each kind, 16 samples.
QUICK = {
    "batch": {
        (64, 112, 112),
        (256, 56, 56),
        (512, 28, 28),
        (256, 14, 14),
        (2048, 7, 7),
        (144, 56, 56),
    },
    "layer": {(197, 768)},
    "group": {(256, 56, 56), (512, 28, 28)},
    "instance": {(256, 56, 56), (512, 28, 28)},
}


@dataclasses.dataclass
class Case:
    """One normalization of one shape, in the variants (layout, dtype) that are measured in turn."""

    normalization: str
    network: str
    shape: tuple  # (N, C, H, W), or (tokens, width) for layer norm
    layers: int  # of the network that have this shape
    variants: list

    @property
    def name(self):
        return f"{self.normalization}/{self.network}/{'x'.join(map(str, self.shape))}"

    def tensor_bytes(self, dtype):
        return math.prod(self.shape) * (4 if dtype == "f32" else 2)

    def beyond_cache(self, cache):
        """Whether x and y together, stored as f32, exceed twice the last-level cache."""
        return 2 * self.tensor_bytes("f32") > 2 * cache

    def command(self):
        return {
            "normalization": self.normalization,
            "shape": self.shape,
            "groups": 32,
            "activation": "relu" if self.normalization == "batch" else "none",
            "variants": [{"layout": layout, "dtype": dtype} for layout, dtype in self.variants],
        }


def read_shapes(network):
    """(samples, [(layers, dimensions)]) of a file in bench/shapes."""
    samples, layers = [], []
    for line in (SHAPES / f"{network}.txt").read_text().splitlines():
        words = line.split("#")[0].split()
        if not words:
            continue
        if words[0] == "samples":
            samples = [int(w) for w in words[1:]]
        else:
            layers.append((int(words[0]), tuple(int(w) for w in words[1:])))
    return samples, layers


def _variants(normalization, case, cache):
    if normalization == "layer":
        return [("channels_first", "f32")]
    if normalization != "batch":
        return [("channels_first", "f32"), ("channels_last", "f32")]
    dtypes = ("f32", "bf16") if case.beyond_cache(cache) else ("f32",)
    return [(layout, dtype) for dtype in dtypes for layout in LAYOUTS]


def _by_padding(case):
    """A case per amount of padding of the last block: variants of a case share its buffers."""
    padded = {"blocked8": -case.shape[1] % 8, "blocked16": -case.shape[1] % 16}
    groups = {}
    for variant in case.variants:
        groups.setdefault(padded.get(variant[0], 0), []).append(variant)
    return [dataclasses.replace(case, variants=variants) for variants in groups.values()]


def cases(cache, quick=False, pattern=None):
    """Every case, or those of `quick`; of these, the variants whose name
    "normalization/network/shape/layout/dtype" matches the regular expression `pattern`."""
    result = []
    for normalization, networks in NETWORKS.items():
        for network in networks:
            all_samples, layers = read_shapes(network)
            for samples in all_samples[:1] if quick else all_samples:
                for count, dimensions in layers:
                    if quick and dimensions not in QUICK[normalization]:
                        continue
                    if normalization == "layer":
                        shape = (samples * dimensions[0], dimensions[1])
                    else:
                        shape = (samples, *dimensions)
                    case = Case(normalization, network, shape, count, [])
                    case.variants = [
                        (layout, dtype)
                        for layout, dtype in _variants(normalization, case, cache)
                        if not pattern or re.search(pattern, f"{case.name}/{layout}/{dtype}")
                    ]
                    if case.variants:
                        result += _by_padding(case)
    return result

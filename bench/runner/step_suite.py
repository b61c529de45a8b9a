"""What bench/run step measures: networks, and the batches that are usual for them."""

import dataclasses

MODES = ("train", "infer")
MEMORIES = ("default", "lean")


@dataclasses.dataclass(frozen=True)
class Network:
    name: str
    size: int  # pixels of a side
    channels: int
    classes: int
    train: tuple  # batch sizes
    infer: tuple


NETWORKS = (
    Network("resnet50", 224, 3, 1000, train=(16,), infer=(1, 16)),
    Network("efficientnet_b0", 224, 3, 1000, train=(16,), infer=(1, 16)),
    Network("resnet20", 28, 1, 10, train=(128,), infer=()),
    Network("resnet18", 224, 3, 1000, train=(16,), infer=(1, 16)),
    Network("resnet8", 28, 1, 10, train=(128,), infer=(1, 128)),
)
# Of these, what is measured where nothing else is asked for.
USUAL = ("resnet50", "efficientnet_b0", "resnet20")
QUICK = ("resnet20",)


@dataclasses.dataclass(frozen=True)
class StepCase:
    network: Network
    mode: str
    batch: int

    @property
    def name(self):
        return f"{self.network.name}, {self.mode}, batch {self.batch}"


def step_cases(models, modes, batches=None):
    """Those of all networks, modes and batch sizes that are wanted; `batches` replaces the usual."""
    return [
        StepCase(network, mode, batch)
        for network in NETWORKS
        if network.name in models
        for mode in MODES
        if mode in modes
        for batch in batches or getattr(network, mode)
    ]

#!/usr/bin/python3
"""Writes what PyTorch makes of whole networks, for interpreter_pytorch_test.cc and the engine's
tests.

pytorch_networks.py DIRECTORY NETWORK...

makes a file DIRECTORY/<network>_<normalization>.bin for each network (a name of CASES below) and
each of its normalizations, unless there is one that is newer than this program: a sequence of named tensors, little-endian:

    u32 length of the name, the name, u32 bytes of a value (4: f32, 8: f64), u32 rank,
    i64 dimensions, values (row-major; integers too are stored as f32)

    input/<input>                 f32, as are
    state/<parameter or buffer>
    <mode>/logits                 f64, PyTorch's arithmetic too, as all that follows; mode: training,
    <mode>/loss                   inference
    training/gradient/<parameter>
    frozen/logits, frozen/loss, frozen/gradient/<parameter>
                                  of training where batch normalizations neither are trained nor
                                  take statistics; of networks with batch normalization
    training/state/<buffer>       running statistics after the step
    sgd/rate, sgd/losses          of ten steps of SGD (SGD below) on the same batch
    sgd/state/<parameter or running statistic>
                                  behind them; not of large networks
    adamw/losses, adamw/state/…   the same of AdamW (ADAMW below), whose weight decay is not for
                                  parameters of one dimension; not of large networks
    error/<any of these>          the largest difference of what PyTorch computes in f32

The loss is the cross-entropy with a label smoothing of 0.1; dropout and stochastic depth are off.
Where PyTorch or torchvision is not installed no file is written, and the reason goes to standard
error.
"""

import pathlib
import struct
import sys

try:
    import torch
    import torch_networks
except ImportError as error:
    torch = None
    reason = error


def image(channels, size, batch=4):
    return lambda: {"image": torch.randn(batch, channels, size, size)}


def tokens(batch=4, length=7, vocabulary=20):
    def make():
        lengths = torch.randint(2, length + 1, (batch, 1))
        return {"tokens": torch.randint(vocabulary, (batch, length)),
                "mask": (torch.arange(length) < lengths).float()}
    return make


# Builder of the network for a normalization, of its inputs, and the normalizations.
CASES = {
    "mlp": (torch_networks.Mlp, image(1, 28, 8), ("batch", "group", "layer", "none")),
    "resnet8": (
        lambda norm: torch_networks.set_norms(torch_networks.SmallResNet(1), norm, 1e-5, 0.1),
        image(3, 16), ("batch", "group", "none")),
    "encoder": (
        lambda norm: torch_networks.Encoder(norm, vocabulary=20, length=7, width=16, heads=4,
                                            layers=2, mlp_width=32),
        tokens(), ("batch", "group", "layer", "none")),
    "resnet18": (lambda norm: torch_networks.torchvision_network("resnet18", norm, 10),
                 image(3, 64), ("batch", "group", "none")),
    "efficientnet_b0": (
        lambda norm: torch_networks.torchvision_network("efficientnet_b0", norm, 10),
        image(3, 64), ("batch", "group", "none")),
    "mobilenet_v2": (lambda norm: torch_networks.torchvision_network("mobilenet_v2", norm, 10),
                     image(3, 32, 8), ("batch", "group", "none")),
    "vgg11": (lambda norm: torch_networks.vgg("vgg11", norm, 10, hidden=64, positions=1),
              image(3, 32), ("batch", "group", "none")),
} if torch else {}

# Chosen so that no input of a ReLU is so near to 0 that in f32 it may come out on the other side:
# one such element can change a gradient by some percent.
SEEDS = {
    ("resnet8", "batch"): 7, ("resnet8", "group"): 11, ("resnet8", "none"): 21,
    ("resnet18", "batch"): 21, ("resnet18", "group"): 8, ("resnet18", "none"): 22,
    ("mobilenet_v2", "batch"): 37, ("mobilenet_v2", "group"): 49, ("mobilenet_v2", "none"): 24,
    ("vgg11", "batch"): 13, ("vgg11", "group"): 18, ("vgg11", "none"): 4,
}


# Rates at which ten steps on one batch bring the loss down.
SMALL = ("mlp", "resnet8", "encoder")
SGD = {"momentum": 0.9, "weight_decay": 1e-4}
# With a smaller epsilon, the first steps are the signs of gradients, also of those that are noise.
ADAMW = {"lr": 0.002, "betas": (0.8, 0.9), "eps": 1e-3, "weight_decay": 0.5}


def rate_of(network):
    return 0.02 if network in SMALL else 0.0005


class Writer:
    """Of a file that appears when it is complete."""

    def __init__(self, path):
        self.path = path
        self.unfinished = path.with_suffix(".unfinished")

    def __enter__(self):
        self.file = open(self.unfinished, "wb")
        return self

    def __exit__(self, failed, *_):
        self.file.close()
        if not failed:
            self.unfinished.rename(self.path)

    def tensor(self, name, value):
        value = value.detach().contiguous()
        if value.dtype != torch.float64:
            value = value.float()
        encoded = name.encode()
        self.file.write(struct.pack("<I", len(encoded)) + encoded)
        self.file.write(struct.pack("<II", value.element_size(), value.dim()))
        self.file.write(struct.pack(f"<{value.dim()}q", *value.shape))
        self.file.write(value.numpy().tobytes())


def state_of(model):
    return {name: value for name, value in model.state_dict().items()
            if not name.endswith("num_batches_tracked")}


def randomize(model):
    """Such that signals neither vanish nor explode, and no γ, β or running statistic is special."""
    for name, value in state_of(model).items():
        if name.endswith("running_var"):
            value.uniform_(0.5, 1.5)
        elif name.endswith("running_mean"):
            value.normal_(0, 0.3)
        elif value.dim() > 1:
            fan_in = value[0].numel()
            value.normal_(0, (1.5 / fan_in) ** 0.5)
        elif name.endswith("weight"):
            value.uniform_(0.5, 1.5)
        else:
            value.normal_(0, 0.3)


def disable_dropout(model):
    for module in model.modules():
        if hasattr(module, "p"):
            module.p = 0.0


def results(model, inputs, labels):
    """Of one step of training and one of inference, by name."""
    found = {}
    state = {name: value.clone() for name, value in state_of(model).items()}
    for mode in ("training", "inference"):
        model.load_state_dict(state, strict=False)
        model.train(mode == "training")
        logits = model(*inputs)
        loss = torch.nn.functional.cross_entropy(logits, labels, label_smoothing=0.1)
        found[f"{mode}/logits"] = logits
        found[f"{mode}/loss"] = loss
        if mode == "inference":
            continue
        parameters = dict(model.named_parameters())
        gradients = torch.autograd.grad(loss, parameters.values())
        for name, gradient in zip(parameters, gradients):
            found[f"training/gradient/{name}"] = gradient
        for name, value in state_of(model).items():
            if "running_" in name:
                found[f"training/state/{name}"] = value.clone()
    model.load_state_dict(state, strict=False)
    found.update(results_with_frozen_norms(model, inputs, labels))
    return found


def results_with_frozen_norms(model, inputs, labels):
    """Of training in which batch normalizations neither are trained nor take statistics."""
    norms = {name: module for name, module in model.named_modules()
             if isinstance(module, torch.nn.modules.batchnorm._BatchNorm)}
    if not norms:
        return {}
    model.train()
    for module in norms.values():
        module.eval()
    logits = model(*inputs)
    loss = torch.nn.functional.cross_entropy(logits, labels, label_smoothing=0.1)
    parameters = {name: parameter for name, parameter in model.named_parameters()
                  if name.rpartition(".")[0] not in norms}
    gradients = torch.autograd.grad(loss, parameters.values())
    return {"frozen/logits": logits, "frozen/loss": loss,
            **{f"frozen/gradient/{name}": value for name, value in zip(parameters, gradients)}}


def ten_steps(model, optimizer, inputs, labels):
    model.train()
    losses = []
    for _ in range(10):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(*inputs), labels, label_smoothing=0.1)
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    return torch.stack(losses)


def adamw(model):
    groups = [{"params": [p for p in model.parameters() if p.dim() > 1]},
              {"params": [p for p in model.parameters() if p.dim() <= 1], "weight_decay": 0}]
    return torch.optim.AdamW(groups, **ADAMW)


def descent(network, model, inputs, labels):
    """Of ten steps of each optimizer, by name."""
    state = {name: value.clone() for name, value in state_of(model).items()}
    found = {"sgd/rate": torch.tensor([rate_of(network)])}
    optimizers = {"sgd": lambda: torch.optim.SGD(model.parameters(), lr=rate_of(network), **SGD)}
    if network in SMALL:
        optimizers["adamw"] = lambda: adamw(model)
    for name, make in optimizers.items():
        found[f"{name}/losses"] = ten_steps(model, make(), inputs, labels)
        if network in SMALL:
            for key, value in state_of(model).items():
                found[f"{name}/state/{key}"] = value.detach().clone()
        model.load_state_dict(state, strict=False)
    return found


def make_case(network, norm, seed):
    build, make_inputs, _ = CASES[network]
    torch.manual_seed(seed)
    model = build(norm)
    with torch.no_grad():
        randomize(model)
    disable_dropout(model)
    return model, make_inputs()


def write_case(path, network, norm):
    model, inputs = make_case(network, norm, SEEDS.get((network, norm), 0))
    labels = torch.randint(10, (len(next(iter(inputs.values()))),))
    state = {name: value.clone() for name, value in state_of(model).items()}
    computed = {}
    for dtype in (torch.float32, torch.float64):
        model.to(dtype)
        values = [x.to(dtype) if x.is_floating_point() else x for x in inputs.values()]
        computed[dtype] = results(model, values, labels)
        computed[dtype].update(descent(network, model, values, labels))
    with Writer(path) as writer:
        for name, value in {**inputs, "labels": labels}.items():
            writer.tensor(f"input/{name}", value)
        for name, value in state.items():
            writer.tensor(f"state/{name}", value)
        for name, value in computed[torch.float64].items():
            writer.tensor(name, value)
            writer.tensor(f"error/{name}", (computed[torch.float32][name] - value).abs().max())


def up_to_date(path):
    sources = (pathlib.Path(__file__), pathlib.Path(torch_networks.__file__))
    return path.exists() and all(path.stat().st_mtime > s.stat().st_mtime for s in sources)


def main():
    directory = pathlib.Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    if torch is None:
        print(f"no PyTorch with torchvision ({reason}): install python3-torchvision",
              file=sys.stderr)
        return
    torch.set_num_threads(1)
    for network in sys.argv[2:]:
        for norm in CASES[network][2]:
            path = directory / f"{network}_{norm}.bin"
            if not up_to_date(path):
                write_case(path, network, norm)


if __name__ == "__main__":
    main()

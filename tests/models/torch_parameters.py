#!/usr/bin/python3
"""Writes names and shapes of PyTorch's parameters and running statistics, for parameters_test.cc.

torch_parameters.py OUTPUT

A line each: network, normalization, name, dimensions. Where PyTorch and torchvision are not
installed the file is empty, and the reason goes to standard error.
"""

import sys

try:
    import torch
    import torch_networks
except ImportError as error:
    torch = None
    reason = error


def networks():
    for name in torch_networks.LARGE:
        for norm in ("batch", "none"):
            yield name, norm, torch_networks.torchvision_network(name, norm)
    for name, blocks in torch_networks.SMALL_RESNETS.items():
        for norm in ("batch", "none"):
            model = torch_networks.SmallResNet(blocks)
            yield name, norm, torch_networks.set_norms(model, norm, 1e-5, 0.1)
    for norm in ("batch", "layer", "none"):
        yield "mlp", norm, torch_networks.Mlp(norm)
        yield "encoder", norm, torch_networks.Encoder(norm, 10000, 128, 128, 4, 4, 512)


def skip_initialization():
    """It would be most of the time."""
    for name in ("kaiming_uniform_", "kaiming_normal_", "uniform_", "normal_", "xavier_uniform_"):
        setattr(torch.nn.init, name, lambda tensor, *_, **__: tensor)


def main():
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        if torch is None:
            print(f"no PyTorch with torchvision ({reason}): install python3-torchvision",
                  file=sys.stderr)
            return
        skip_initialization()
        for network, norm, model in networks():
            for name, value in model.state_dict().items():
                if not name.endswith("num_batches_tracked"):
                    print(network, norm, name, *value.shape, file=file)


if __name__ == "__main__":
    main()

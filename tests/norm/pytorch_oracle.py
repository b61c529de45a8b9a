#!/usr/bin/python3
"""Writes what PyTorch makes of randomized normalizations, for pytorch_oracle_test.cc.

pytorch_oracle.py OUTPUT

The file is a sequence of named tensors: u32 length of the name, the name, u32 rank, i64 dimensions,
f64 values (row-major), little-endian. Names are "kind/case/tensor". PyTorch computes in f64 on
values that f32 holds. Where it is not installed, the file holds no tensor, and the reason goes to
standard error.
"""

import struct
import sys

try:
    import torch
except ImportError as error:
    torch = None
    reason = error


class Writer:
    def __init__(self, file):
        self.file = file

    def tensor(self, name, value):
        value = torch.as_tensor(value, dtype=torch.float64).detach().contiguous()
        encoded = name.encode()
        self.file.write(struct.pack("<I", len(encoded)) + encoded)
        self.file.write(struct.pack("<I", value.dim()))
        self.file.write(struct.pack(f"<{value.dim()}q", *value.shape))
        self.file.write(value.numpy().astype("<f8").tobytes())


def integer(low, high):
    return int(torch.randint(low, high + 1, ()))


def normal(shape, mean=0.0, deviation=1.0):
    """Values that f32 holds."""
    return (torch.randn(shape) * deviation + mean).float().double()


def random_shape(dimensions, channels=None):
    """(N, C) and so many dimensions behind them."""
    longest = 5 if dimensions == 3 else 9
    positions = [integer(1, longest) for _ in range(dimensions)]
    return [integer(2, 6), channels or integer(1, 40)] + positions


def differentiate(writer, case, module, parameters, x):
    """Forward and backward: x, weight, bias, y, dy, dx, dweight, dbias."""
    x = x.clone().requires_grad_()
    y = module(x)
    dy = normal(y.shape)
    for parameter in parameters:
        parameter.grad = None
    y.backward(dy)
    writer.tensor(f"{case}/x", x)
    writer.tensor(f"{case}/y", y)
    writer.tensor(f"{case}/dy", dy)
    writer.tensor(f"{case}/dx", x.grad)
    for name, parameter in zip(("weight", "bias"), parameters):
        writer.tensor(f"{case}/{name}", parameter)
        writer.tensor(f"{case}/d{name}", parameter.grad)


def randomize(module):
    """Weight and bias of the module, if it has them."""
    parameters = [p for p in (module.weight, module.bias) if p is not None]
    for parameter in parameters:
        parameter.data = normal(parameter.shape, 0.5, 1.0)
    return parameters


def batch_norm(writer, cases):
    modules = {0: torch.nn.BatchNorm1d, 1: torch.nn.BatchNorm1d, 2: torch.nn.BatchNorm2d,
               3: torch.nn.BatchNorm3d}
    for i in range(cases):
        dimensions = i % 4
        shape = random_shape(dimensions)
        epsilon = (1e-5, 1e-3)[i % 2]
        # momentum None: the cumulative average.
        momentum = (0.1, 0.25, None)[i % 3]
        module = modules[dimensions](shape[1], eps=epsilon, momentum=momentum, affine=i % 5 != 4)
        module = module.double()
        parameters = randomize(module)
        name = f"batch_norm/{i}"
        writer.tensor(f"{name}/epsilon", epsilon)
        writer.tensor(f"{name}/momentum", -1.0 if momentum is None else momentum)
        for step in range(3):
            case = f"{name}/{step}"
            x = normal(shape, float(normal(())) * 3, 2.0)
            differentiate(writer, case, module, parameters, x)
            writer.tensor(f"{case}/running_mean", module.running_mean)
            writer.tensor(f"{case}/running_var", module.running_var)
        # Inference, with the gradient of frozen statistics.
        module.eval()
        differentiate(writer, f"{name}/eval", module, parameters, normal(shape, 1.0, 2.0))


def instance_norm(writer, cases):
    modules = {1: torch.nn.InstanceNorm1d, 2: torch.nn.InstanceNorm2d, 3: torch.nn.InstanceNorm3d}
    for i in range(cases):
        dimensions = i % 3 + 1
        shape = random_shape(dimensions)
        shape[2] += 1  # more than one value
        module = modules[dimensions](shape[1], affine=i % 4 != 3).double()
        writer.tensor(f"instance_norm/{i}/epsilon", module.eps)
        differentiate(writer, f"instance_norm/{i}", module, randomize(module),
                      normal(shape, 2.0, 3.0))


def group_norm(writer, cases):
    for i in range(cases):
        groups = integer(1, 6)
        shape = random_shape(i % 4, groups * integer(2, 6))
        module = torch.nn.GroupNorm(groups, shape[1], affine=i % 4 != 3).double()
        writer.tensor(f"group_norm/{i}/epsilon", module.eps)
        writer.tensor(f"group_norm/{i}/groups", groups)
        differentiate(writer, f"group_norm/{i}", module, randomize(module),
                      normal(shape, -1.0, 2.0))


def layer_norm(writer, cases):
    for i in range(cases):
        shape = random_shape(i % 4)
        trailing = integer(1, len(shape) - 1)
        shape[-1] += 1
        module = torch.nn.LayerNorm(shape[-trailing:], elementwise_affine=i % 4 != 3).double()
        writer.tensor(f"layer_norm/{i}/epsilon", module.eps)
        writer.tensor(f"layer_norm/{i}/trailing", trailing)
        differentiate(writer, f"layer_norm/{i}", module, randomize(module), normal(shape, 0.5, 2.0))


def layer_norm_channels(writer, cases):
    """ConvNeXt's LayerNorm2d: over the channels of each position."""
    for i in range(cases):
        shape = random_shape(i % 3 + 1)
        shape[1] += 1
        module = torch.nn.LayerNorm(shape[1]).double()
        parameters = randomize(module)
        writer.tensor(f"layer_norm_channels/{i}/epsilon", module.eps)
        differentiate(writer, f"layer_norm_channels/{i}",
                      lambda x, module=module: module(x.movedim(1, -1)).movedim(-1, 1), parameters,
                      normal(shape, 0.5, 2.0))


def rms_norm(writer, cases):
    """By its formula (Zhang & Sennrich 2019): PyTorch 1.13 has none."""
    for i in range(cases):
        shape = random_shape(i % 4)
        trailing = integer(1, len(shape) - 1)
        axes = list(range(-trailing, 0))
        weight = normal(shape[-trailing:], 0.5).requires_grad_()
        epsilon = 1e-6

        def module(x, axes=axes, weight=weight, epsilon=epsilon):
            return weight * x / torch.sqrt((x * x).mean(axes, keepdim=True) + epsilon)

        writer.tensor(f"rms_norm/{i}/epsilon", epsilon)
        writer.tensor(f"rms_norm/{i}/trailing", trailing)
        differentiate(writer, f"rms_norm/{i}", module, [weight], normal(shape, 0.5, 2.0))


def main():
    with open(sys.argv[1], "wb") as file:
        if torch is None:
            print(f"PyTorch is not there ({reason}): install python3-torch", file=sys.stderr)
            return
        torch.manual_seed(20)
        torch.set_num_threads(1)
        writer = Writer(file)
        kinds = (batch_norm, instance_norm, group_norm, layer_norm, layer_norm_channels, rms_norm)
        for kind in kinds:
            kind(writer, 24)


if __name__ == "__main__":
    main()

"""Networks that PyTorch exports to ONNX, with an input and what PyTorch computes of it.

    torch_onnx.py <folder>

Writes <name>.onnx, and <name>.safetensors with "image" and "logits", for onnx_pytorch_test.cc.
"""

import json
import pathlib
import struct
import sys
import warnings

import torch
import torchvision
from torch import nn


class Mixed(nn.Module):
    """What torchvision's convolutional networks have not."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1, dilation=1)
        self.group = nn.GroupNorm(4, 8)
        self.instance = nn.InstanceNorm2d(8, affine=True)
        self.pool = nn.AvgPool2d(3, stride=2, padding=1)
        self.norm = nn.LayerNorm(8)
        self.mlp = nn.Linear(8, 16)
        self.back = nn.Linear(16, 8, bias=False)
        self.head = nn.Linear(8, 5)

    def forward(self, image):
        x = nn.functional.leaky_relu(self.group(self.stem(image)), 0.1)
        x = self.pool(self.instance(x) - 0.25) / 2
        x = x.view(x.size(0), x.size(1), -1).permute(0, 2, 1)
        x = x + self.back(nn.functional.gelu(self.mlp(self.norm(x))))
        weights = torch.softmax(x @ x.transpose(1, 2), dim=-1)
        a, b = torch.split(weights @ x, 4, dim=2)
        x = torch.cat([torch.tanh(b), torch.sigmoid(a)], dim=2)
        x = x.transpose(1, 2).unsqueeze(3)
        return torch.log_softmax(self.head(x.mean((2, 3))), dim=-1)


def networks():
    models = torchvision.models
    for name in ("resnet18", "mobilenet_v2", "mobilenet_v3_small", "efficientnet_b0"):
        yield name, getattr(models, name)(num_classes=10), 14, 64
    yield "mixed", Mixed(), 14, 7
    yield "mixed_opset17", Mixed(), 17, 7


def prepare(network):
    """Statistics as after some training, so that no two layers are alike."""
    torch.manual_seed(1)
    for module in network.modules():
        if isinstance(module, (nn.BatchNorm2d, nn.GroupNorm, nn.LayerNorm, nn.InstanceNorm2d)):
            nn.init.uniform_(module.weight, 0.8, 1.2)
            nn.init.uniform_(module.bias, -0.1, 0.1)
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.1, 0.1)
            nn.init.uniform_(module.running_var, 0.8, 1.2)
    return network.eval()


def write_tensors(path, tensors):
    header, data = {}, b""
    for name, tensor in tensors.items():
        values = tensor.detach().numpy().astype("<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape),
                        "data_offsets": [len(data), len(data) + len(values)]}
        data += values
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def main(folder):
    warnings.simplefilter("ignore")  # of what its exporter does not fold
    folder.mkdir(parents=True, exist_ok=True)
    for name, network, opset, size in networks():
        network = prepare(network)
        image = torch.randn(2, 3, size, size)
        file = folder / (name + ".onnx")
        for folded in (True, False):
            # Folded, batch normalization is gone; else it is there, with names.
            path = str(file) if not folded else str(file).replace(".onnx", "_folded.onnx")
            torch.onnx.export(
                network, image, path, input_names=["pixels"], output_names=["output"],
                opset_version=opset,
                training=torch.onnx.TrainingMode.EVAL if folded
                else torch.onnx.TrainingMode.PRESERVE,
                do_constant_folding=folded,
                dynamic_axes={"pixels": {0: "batch"}} if folded else None)
        write_tensors(folder / (name + ".safetensors"), {"image": image, "logits": network(image)})


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))

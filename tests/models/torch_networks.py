"""The networks in PyTorch: torchvision's own, and small ones made of torchvision's and PyTorch's
blocks. Parameters are called as in models.h."""

import torch
import torchvision
from torch import nn
from torchvision.models.resnet import BasicBlock

LARGE = ("resnet18", "resnet34", "resnet50", "resnet101", "efficientnet_b0", "efficientnet_b1",
         "efficientnet_b2", "efficientnet_b3", "mobilenet_v2", "vgg11", "vgg16")
SMALL_RESNETS = {"resnet8": 1, "resnet14": 2, "resnet20": 3, "resnet32": 5, "resnet56": 9}


def largest_divisor(channels, at_most=32):
    return next(d for d in range(min(channels, at_most), 0, -1) if channels % d == 0)


def make_norm(kind, channels, epsilon, momentum):
    """For (N, C, H, W)."""
    if kind == "batch":
        return nn.BatchNorm2d(channels, epsilon, momentum)
    if kind == "group":
        return nn.GroupNorm(largest_divisor(channels), channels, epsilon)
    if kind == "layer":
        return nn.GroupNorm(1, channels, epsilon)
    if kind == "none":
        return nn.Identity()
    raise ValueError(kind)


def set_norms(model, kind, epsilon, momentum):
    """Puts another normalization in place of batch normalization; without any, convolutions get a
    bias."""
    for name, module in list(model.named_modules()):
        parent = model.get_submodule(name.rpartition(".")[0])
        if isinstance(module, nn.BatchNorm2d):
            setattr(parent, name.rpartition(".")[2],
                    make_norm(kind, module.num_features, epsilon, momentum))
        if kind == "none" and isinstance(module, nn.Conv2d) and module.bias is None:
            module.bias = nn.Parameter(torch.zeros(module.out_channels))
    return model


def torchvision_network(name, norm, classes=1000, **options):
    if name.startswith("vgg"):
        if norm != "none":
            name += "_bn"
        options["init_weights"] = False
    model = getattr(torchvision.models, name)(num_classes=classes, **options)
    return set_norms(model, norm, 1e-5, 0.1)


def vgg(name, norm, classes, hidden, positions):
    """For images of another size than ImageNet's."""
    model = torchvision_network(name, norm, classes)
    model.avgpool = nn.Identity()
    model.classifier[0] = nn.Linear(512 * positions, hidden)
    model.classifier[3] = nn.Linear(hidden, hidden)
    model.classifier[6] = nn.Linear(hidden, classes)
    return model


class SmallResNet(nn.Module):
    """He et al. 2015, section 4.2."""

    def __init__(self, blocks, classes=10):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.relu = nn.ReLU()
        channels = 16
        for stage, width in enumerate((16, 32, 64)):
            layers = []
            for block in range(blocks):
                stride = 2 if stage > 0 and block == 0 else 1
                downsample = None
                if stride == 2:
                    downsample = nn.Sequential(
                        nn.Conv2d(channels, width, 1, stride=2, bias=False), nn.BatchNorm2d(width))
                layers.append(BasicBlock(channels, width, stride, downsample))
                channels = width
            setattr(self, f"layer{stage + 1}", nn.Sequential(*layers))
        self.fc = nn.Linear(64, classes)

    def forward(self, x):
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.fc(x.mean((2, 3)))


class Mlp(nn.Module):
    """Ioffe & Szegedy 2015, section 4.1."""

    def __init__(self, norm, inputs=784, width=100, classes=10):
        super().__init__()
        for layer in (1, 2, 3):
            setattr(self, f"fc{layer}", nn.Linear(inputs, width, bias=norm == "none"))
            setattr(self, f"norm{layer}", {
                "batch": lambda: nn.BatchNorm1d(width),
                "group": lambda: nn.GroupNorm(largest_divisor(width), width),
                "layer": lambda: nn.LayerNorm(width),
                "none": nn.Identity,
            }[norm]())
            inputs = width
        self.fc4 = nn.Linear(width, classes)

    def forward(self, x):
        x = x.flatten(1)
        for fc, norm in ((self.fc1, self.norm1), (self.fc2, self.norm2), (self.fc3, self.norm3)):
            x = torch.sigmoid(norm(fc(x)))
        return self.fc4(x)


class OfTokens(nn.Module):
    """Normalization of (N, L, D) that never sees padding, where it leaves zeros."""

    def set_mask(self, mask):
        self.mask = mask


class BatchNormOfTokens(OfTokens, nn.BatchNorm1d):
    def forward(self, x):
        y = torch.zeros_like(x)
        y[self.mask] = super().forward(x[self.mask])
        return y


class GroupNormOfTokens(OfTokens, nn.GroupNorm):
    def forward(self, x):
        y = torch.zeros_like(x)
        for n, mask in enumerate(self.mask):
            tokens = x[n][mask].T[None]
            y[n, mask] = super().forward(tokens)[0].T
        return y


class Encoder(nn.Module):
    """PyTorch's layers with another normalization."""

    def __init__(self, norm, vocabulary, length, width, heads, layers, mlp_width, classes=10):
        super().__init__()

        def make():
            return {
                "batch": lambda: BatchNormOfTokens(width),
                "group": lambda: GroupNormOfTokens(largest_divisor(width, width // 4), width),
                "layer": lambda: nn.LayerNorm(width),
                "none": nn.Identity,
            }[norm]()

        self.embedding = nn.Embedding(vocabulary, width)
        self.position_embedding = nn.Embedding(length, width)
        self.layers = nn.ModuleList()
        for _ in range(layers):
            layer = nn.TransformerEncoderLayer(width, heads, mlp_width, dropout=0,
                                               activation="gelu", batch_first=True,
                                               norm_first=True)
            layer.norm1 = make()
            layer.norm2 = make()
            self.layers.append(layer)
        self.norm = make()
        self.head = nn.Linear(width, classes)

    def forward(self, tokens, mask):
        mask = mask != 0
        for module in self.modules():
            if isinstance(module, OfTokens):
                module.set_mask(mask)
        x = self.embedding(tokens) + self.position_embedding.weight
        for layer in self.layers:
            # In evaluation mode PyTorch looks for a fused implementation, and for LayerNorm's
            # attributes.
            layer.training = True
            x = layer(x, src_key_padding_mask=~mask)
        x = self.norm(x) * mask[..., None]
        return self.head(x.sum(1) / mask.sum(1, keepdim=True))

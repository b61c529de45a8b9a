#!/usr/bin/python3
"""Writes small inputs to begin with, a folder per fuzz target.

seeds.py FOLDER
"""

import gzip
import json
import math
import pathlib
import random
import struct
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "images"))
import pillow_images  # noqa: E402


class Seeds:
    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def write(self, name, data, *_, **__):
        if len(data) < 4000:
            (self.folder / name.replace("/", "_").replace(" ", "_")).write_bytes(data)


def idx(shape):
    header = struct.pack(f">HBB{len(shape)}I", 0, 8, len(shape), *shape)
    count = 1
    for size in shape:
        count *= size
    return header + random.randbytes(count)


def safetensors(metadata):
    header = json.dumps({
        "__metadata__": metadata,
        "a": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]},
        "b": {"dtype": "I64", "shape": [], "data_offsets": [16, 24]},
        "c": {"dtype": "BF16", "shape": [0, 3], "data_offsets": [24, 24]}}).encode()
    return struct.pack("<Q", len(header)) + header + random.randbytes(24)


def varint(number):
    return bytes([number]) if number < 128 else bytes([number & 127 | 128]) + varint(number >> 7)


def message(*fields):
    """Protobuf: (number below 16, value), an integer, text, or bytes of a message."""
    encoded = b""
    for number, value in fields:
        if isinstance(value, int):
            encoded += varint(number << 3) + varint(value)
        else:
            content = value.encode() if isinstance(value, str) else value
            encoded += varint(number << 3 | 2) + varint(len(content)) + content
    return encoded


def onnx():
    """A model with an image, a scale and Mul, then Relu; and a network as they are trained."""
    shape = lambda *sizes: message(*((1, message((1, size)) if isinstance(size, int) else message((2, size)))
                                     for size in sizes))
    value = lambda name, *sizes: message((1, name), (2, message((1, message((1, 1), (2, shape(*sizes)))))))
    tensor = lambda name, *sizes: message(*((1, size) for size in sizes), (2, 1), (8, name),
                                          (9, struct.pack(f"<{math.prod(sizes)}f", *[0.5] * math.prod(sizes))))
    integers = lambda name, *values: message((1, name), (20, 7), *((8, v) for v in values))
    node = lambda kind, inputs, output, *attributes: message(
        *((1, name) for name in inputs.split()), (2, output), (3, output), (4, kind), *((5, a) for a in attributes))
    graph = lambda nodes, tensors: message(
        *((1, n) for n in nodes), (2, "g"), *((5, t) for t in tensors),
        (11, value("image", "N", 1, 4, 4)), (12, value("logits", "N", 2)))
    model = lambda content, *metadata: message(
        (1, 8), (7, content), (8, message((2, 17))), *((14, message((1, k), (2, v))) for k, v in metadata))
    norm = [tensor(f"n{i}", 2) for i in range(4)]
    head = [node("GlobalAveragePool", "a", "p"), node("Flatten", "p", "f"),
            node("Gemm", "f fc.weight fc.bias", "logits", message((1, "transB"), (20, 2), (3, 1)))]
    head_tensors = [tensor("fc.weight", 2, 2), tensor("fc.bias", 2)]
    network = model(
        graph([node("Conv", "image conv.weight", "c", integers("kernel_shape", 3, 3), integers("pads", 1, 1, 1, 1),
                    integers("strides", 2, 2)),
               node("BatchNormalization", "c n0 n1 n2 n3", "b"), node("Relu", "b", "a"), *head],
              [tensor("conv.weight", 2, 1, 3, 3), *norm, *head_tensors]),
        ("equipoise.labels", '["cat", "dog"]'),
        ("equipoise.preprocessing", '{"channels": 1, "resize": 4, "interpolation": "bilinear", "height": 4, "width": 4, '
                                    '"mean": [0.5], "std": [0.25]}'))
    layer = model(
        graph([node("Conv", "image conv.weight", "c", integers("kernel_shape", 1, 1)),
               node("InstanceNormalization", "c n0 n1", "i"), node("Sigmoid", "i", "s"), node("Mul", "i s", "a"), *head],
              [tensor("conv.weight", 2, 1, 1, 1), *norm[:2], *head_tensors]))
    scale = message((1, 1), (2, 1), (8, "scale"), (9, b"\0\0\x80\x3f"))
    relu = message((1, message((1, "image"), (1, "scale"), (2, "m"), (3, "m"), (4, "Mul"))),
                    (1, message((1, "m"), (2, "logits"), (3, "r"), (4, "Relu"))),
                    (2, "g"), (5, scale), (11, value("image", "N", 1, 2, 2)), (12, value("logits", "N", 1, 2, 2)))
    return {"relu": model(relu), "network": network, "layer": layer}


def main():
    random.seed(3)
    root = pathlib.Path(sys.argv[1])

    images = Seeds(root / "decode_image")
    if pillow_images.Image is not None:
        for write in (pillow_images.write_jpegs, pillow_images.write_pngs, pillow_images.write_webps,
                      pillow_images.write_bmps):
            write(images)
    # A chunk that claims a gigabyte.
    images.write("long chunk.png", pillow_images.png(1, 1, 0, 8, chunks=b"\x40\0\0\0eXIf"))
    images.write("text.ppm", b"P3 # six\n2 1\n9\n1 2 3 4 5 9\n")
    images.write("raw.pgm", b"P5 3 1 65535 abcdef")

    Seeds(root / "preprocess").write("noise", random.randbytes(200))

    seeds = Seeds(root / "idx")
    for shape in ((3,), (2, 4, 4), (1, 1, 1, 1)):
        seeds.write(f"{len(shape)}", idx(shape))
        seeds.write(f"{len(shape)}.gz", gzip.compress(idx(shape)))

    images, labels = idx((2, 4, 4)), idx((2,))[:-2] + b"\0\1"
    Seeds(root / "idx_folder").write("two", struct.pack("<H", len(images)) + images + labels)

    # The first byte says how long the names are, and by 128 that it is CIFAR-10.
    seeds = Seeds(root / "cifar")
    seeds.write("hundred", b"\x08one\ntwo\n" + bytes([1, 1]) + random.randbytes(3072))
    seeds.write("ten", b"\x88one\ntwo\n" + bytes([1]) + random.randbytes(3072))

    Seeds(root / "settings").write("config.toml", b"""# a comment
model = "resnet50"
epochs = 90
rate = 0.5e-1
steps = [30,
  60,  # and
  'last']
augment = true
text = "a \\"quoted\\" \\u00e9"
""")
    Seeds(root / "safetensors").write("three", safetensors({"format": "pt"}))
    seeds = Seeds(root / "onnx")
    for name, content in onnx().items():
        seeds.write(name, content)
    Seeds(root / "model_info").write("two", b"""{"channels": 1, "resize": 32, "interpolation": "bicubic", "height": 28, \
"width": 28, "mean": [0.5], "std": [0.25]}
["cat", "dog"]""")
    Seeds(root / "timings").write("two", b'{"conv 3x3": {"jit blocked16": 0.5, "jit channels_last": 1e-3}}')
    Seeds(root / "checkpoint").write("three", safetensors({"step": "3", "checksum": "00000000"}))
    Seeds(root / "metrics").write("line", json.dumps(
        {"step": 1, "epoch": 0.5, "split": "training", "loss": 2.5, "accuracy": 0.1, "lr": 0.1,
         "time": 3.5}).encode() + b"\n")


if __name__ == "__main__":
    main()

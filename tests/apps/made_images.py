"""A small data set for tests of the program: IDX files of stripes, whose distance is the class."""

import pathlib
import random
import struct


def write_idx(path, dimensions, values):
    header = bytes([0, 0, 8, len(dimensions)]) + struct.pack(f">{len(dimensions)}I", *dimensions)
    pathlib.Path(path).write_bytes(header + bytes(values))


def make_images(folder, training=260, test=40, classes=4, size=12, seed=1):
    """Files with MNIST's names; returns the folder."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True)
    rng = random.Random(seed)
    for name, count in (("train", training), ("t10k", test)):
        labels = [i % classes for i in range(count)]
        pixels = []
        for label in labels:
            shift = rng.randrange(8)
            for y in range(size):
                for _ in range(size):
                    bright = (y + shift) // (label + 1) % 2
                    pixels.append(min(255, max(0, int(80 + 90 * bright + rng.gauss(0, 50)))))
        write_idx(folder / f"{name}-images-idx3-ubyte", (count, size, size), pixels)
        write_idx(folder / f"{name}-labels-idx1-ubyte", (count,), labels)
    return folder

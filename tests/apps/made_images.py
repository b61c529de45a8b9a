"""Small data sets for tests of the program."""

import pathlib
import random
import struct


def write_idx(path, dimensions, values):
    header = bytes([0, 0, 8, len(dimensions)]) + struct.pack(f">{len(dimensions)}I", *dimensions)
    pathlib.Path(path).write_bytes(header + bytes(values))


def make_images(folder, training=260, test=40, classes=4, size=12, seed=1):
    """IDX files with MNIST's names, of stripes whose distance is the class; returns the folder."""
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


def make_image_folder(folder, size, images=40):
    """A folder of two classes, of the same picture as a file per image; returns the folder."""
    folder = pathlib.Path(folder)
    for i in range(images):
        image = folder / "ab"[i % 2] / f"{i}.ppm"
        image.parent.mkdir(parents=True, exist_ok=True)
        image.write_bytes(b"P6 %d %d 255 " % (size, size) + bytes(range(256)) * (3 * size * size // 256 + 1))
    return folder

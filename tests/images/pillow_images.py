#!/usr/bin/python3
"""Writes image files in all formats and what Pillow decodes them to, for decode_test.cc.

pillow_images.py OUTPUT

Cases one behind the other, little-endian: u32 length of the name, the name, u32 size of the file, its
bytes, u32 shorter_side, u32 largest difference allowed, u32 width, height and channels, the pixels.
Where Pillow is not installed, the file is empty, and the reason goes to standard error.
"""

import io
import random
import struct
import sys
import zlib

try:
    from PIL import Image, ImageOps
except ImportError as error:
    Image = None
    reason = error


class Writer:
    def __init__(self, file):
        self.file = file

    def write(self, name, data, expected=None, shorter_side=0, tolerance=0):
        """Without `expected`, what Pillow makes of the data: grey where they are."""
        if expected is None:
            image = Image.open(io.BytesIO(data))
            if shorter_side:
                image.draft(image.mode, (shorter_side, shorter_side))
            image = ImageOps.exif_transpose(image)
            expected = image.convert("L" if image.mode in ("1", "L", "LA") else "RGB")
        channels = {"L": 1, "RGB": 3}[expected.mode]
        name = name.encode()
        self.file.write(struct.pack("<I", len(name)) + name)
        self.file.write(struct.pack("<I", len(data)) + data)
        self.file.write(struct.pack("<5I", shorter_side, tolerance, *expected.size, channels))
        self.file.write(expected.tobytes())


def picture(width, height, mode="RGB"):
    """Neither smooth nor noise alone."""
    bands = [Image.radial_gradient("L"), Image.linear_gradient("L"),
             Image.frombytes("L", (32, 32), random.randbytes(1024)),
             Image.linear_gradient("L").rotate(90)]
    size = (width, height)
    if mode in ("L", "1", "P"):
        return Image.blend(bands[0].resize(size), bands[2].resize(size), 0.3).convert(mode)
    if mode == "LA":
        return Image.merge("LA", [band.resize(size) for band in bands[:2]])
    return Image.merge(mode, [band.resize(size) for band in bands[:len(mode)]])


def encoded(image, *args, **options):
    data = io.BytesIO()
    image.save(data, *args, **options)
    return data.getvalue()


def exif(orientation, order="<"):
    """Another entry, the orientation, one behind it."""
    entries = [(0x0100, 4, 1, 77), (0x0112, 3, 1, orientation), (0x0128, 3, 1, 2)]
    data = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "IH", 8, len(entries))
    for tag, kind, count, value in entries:
        data += struct.pack(order + "HHI", tag, kind, count)
        data += struct.pack(order + ("I" if kind == 4 else "HH"), *((value,) if kind == 4 else (value, 0)))
    return b"Exif\0\0" + data + bytes(4)


def write_jpegs(writer):
    for width, height in ((1, 1), (7, 5), (65, 33), (130, 97)):
        image = picture(width, height)
        for subsampling in (0, 1, 2):
            writer.write(f"{width}x{height} subsampled {subsampling}.jpg",
                         encoded(image, "jpeg", quality=85, subsampling=subsampling))
        writer.write(f"{width}x{height} progressive.jpg",
                     encoded(image, "jpeg", quality=70, progressive=True))
        writer.write(f"{width}x{height} grey.jpg", encoded(picture(width, height, "L"), "jpeg"))
        for side in (1, 8, 12, 24, 33, 48, 97):
            writer.write(f"{width}x{height} for {side}.jpg", encoded(image, "jpeg"), shorter_side=side)

    cmyk = encoded(picture(40, 31, "CMYK"), "jpeg", quality=90)
    writer.write("cmyk.jpg", cmyk)
    at = cmyk.index(b"Adobe") + 11
    assert cmyk[at] == 0
    writer.write("ycck.jpg", cmyk[:at] + b"\2" + cmyk[at + 1:])

    ycc = encoded(picture(40, 31), "jpeg", subsampling=0)
    adobe = b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0\0"
    writer.write("rgb.jpg", ycc[:2] + adobe + ycc[20:])

    for orientation in (*range(10), 300):
        for order in "<>":
            writer.write(f"orientation {orientation}{order}.jpg",
                         encoded(picture(23, 14), "jpeg", exif=exif(orientation, order)))


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def png(width, height, color, bits, interlaced=False, chunks=b""):
    """Noise of any color type."""
    pixel_bits = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[color] * bits
    passes = ADAM7 if interlaced else ((0, 0, 1, 1),)
    rows = b""
    for left, top, x_step, y_step in passes:
        columns = -(-(width - left) // x_step)
        if columns <= 0:
            continue
        for _ in range(top, height, y_step):
            rows += bytes([random.randrange(5)]) + random.randbytes((columns * pixel_bits + 7) // 8)
    palette = chunk(b"PLTE", random.randbytes(3 << bits)) if color == 3 else b""
    return (b"\x89PNG\r\n\x1a\n"
            + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, color, 0, 0, interlaced))
            + palette + chunks + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def write_pngs(writer):
    for color, depths in ((0, (1, 2, 4, 8, 16)), (2, (8, 16)), (3, (1, 2, 4, 8)), (4, (8, 16)), (6, (8, 16))):
        for bits in depths:
            for interlaced in (False, True):
                for width, height in ((1, 1), (3, 9), (37, 21)):
                    data = png(width, height, color, bits, interlaced)
                    expected = None
                    if color in (0, 4) and bits == 16:  # of grey, Pillow keeps or clips 16 bits
                        image = Image.open(io.BytesIO(data))
                        if image.mode == "I":
                            image = Image.frombytes("L", image.size, image.tobytes()[1::4])
                        expected = image.convert("L")
                    writer.write(f"{width}x{height} color {color} bits {bits} adam7 {interlaced}.png",
                                 data, expected)
    writer.write("transparent palette.png", png(20, 30, 3, 8, chunks=chunk(b"tRNS", random.randbytes(100))))
    writer.write("transparent color.png", png(20, 30, 2, 8, chunks=chunk(b"tRNS", bytes(6))))
    writer.write("gamma.png", png(20, 30, 2, 8, chunks=chunk(b"gAMA", struct.pack(">I", 100000))))
    writer.write("bad profile.png",
                 png(20, 30, 2, 8, chunks=chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(1000)))))
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA"):
        writer.write(f"{mode}.png", encoded(picture(50, 41, mode), "png"))
    for orientation in range(1, 9):
        writer.write(f"orientation {orientation}.png",
                     encoded(picture(11, 17), "png", exif=exif(orientation, ">")))


def write_webps(writer):
    for mode in ("RGB", "RGBA"):
        for width, height in ((1, 1), (51, 34)):
            image = picture(width, height, mode)
            writer.write(f"{width}x{height} {mode} lossy.webp", encoded(image, "webp", quality=80))
            writer.write(f"{width}x{height} {mode} lossless.webp",
                         encoded(image, "webp", lossless=True, exact=True))
    for orientation in range(1, 9):
        writer.write(f"orientation {orientation}.webp",
                     encoded(picture(19, 12), "webp", exif=exif(orientation)))


def bmp(width, height, bits, masks=(), colors=0, core=False, top_down=False):
    stride = (width * bits + 31) // 32 * 4
    if core:
        header = struct.pack("<IHHHH", 12, width, height, 1, bits)
        palette = random.randbytes(3 << bits) if bits <= 8 else b""
    else:
        header = struct.pack("<IiiHHIIiiII", 40, width, -height if top_down else height, 1, bits,
                             3 if masks else 0, 0, 0, 0, colors, 0)
        palette = struct.pack(f"<{len(masks)}I", *masks)
        if bits <= 8:
            palette = random.randbytes(4 * (colors or 1 << bits))
    offset = 14 + len(header) + len(palette)
    return (struct.pack("<2sIHHI", b"BM", offset + stride * height, 0, 0, offset) + header + palette
            + random.randbytes(stride * height))


def write_bmps(writer):
    for mode in ("1", "L", "P", "RGB", "RGBA"):
        image = picture(33, 18, mode)
        writer.write(f"{mode}.bmp", encoded(image, "bmp"), expected=image.convert("RGB"))
    for width in range(1, 10):
        for bits in (1, 4, 8, 16, 24, 32):
            data = bmp(width, 3, bits)
            writer.write(f"{width} {bits}.bmp", data, Image.open(io.BytesIO(data)).convert("RGB"))
    for name, data in (
            ("565", bmp(5, 4, 16, (0xF800, 0x07E0, 0x001F))),
            ("555", bmp(5, 4, 16, (0x7C00, 0x03E0, 0x001F))),
            ("xrgb", bmp(5, 4, 32, (0xFF0000, 0xFF00, 0xFF))),
            ("rgbx", bmp(5, 4, 32, (0xFF000000, 0xFF0000, 0xFF00))),
            ("top down", bmp(5, 4, 24, top_down=True)),
            ("core 8", bmp(5, 4, 8, core=True)),
            ("core 24", bmp(5, 4, 24, core=True))):
        writer.write(f"{name}.bmp", data, Image.open(io.BytesIO(data)).convert("RGB"))


    data = bmp(5, 4, 32, (0xFF, 0xFF00, 0xFF0000))  # which Pillow does not know
    writer.write("xbgr.bmp", data, Image.frombytes("RGB", (5, 4), data[66:], "raw", "RGBX", 0, -1))


def write_pnms(writer):
    def text(kind, width, height, most, values, comment=""):
        maximum = "" if kind == 1 else f"{most}\n"
        return f"P{kind}\n{comment}{width}  {height}\n{maximum}".encode() + values

    for width, height in ((1, 1), (5, 3), (17, 4)):
        size = width * height
        bits = "".join(random.choice("01") + random.choice(("", " ", "\n")) for _ in range(size))
        writer.write(f"{width} p1.pbm", text(1, width, height, 1, bits.encode()))
        for most in (1, 100, 255, 1000, 65535):
            tolerance = 0 if most == 255 else 1
            for kind, count in ((2, size), (3, 3 * size)):
                values = [random.randint(0, most) for _ in range(count)]
                expected = Image.frombytes("L" if kind == 2 else "RGB", (width, height),
                                           bytes((v * 255 + most // 2) // most for v in values))
                words = " ".join(map(str, values)).encode()
                writer.write(f"{width} p{kind} {most}.pnm",
                             text(kind, width, height, most, words, "# a comment 7\n"),
                             expected if kind == 2 and most > 255 else None, tolerance=tolerance)
                raw = struct.pack(f">{count}{'H' if most > 255 else 'B'}", *values)
                writer.write(f"{width} p{kind + 3} {most}.pnm",
                             text(kind + 3, width, height, most, raw),
                             expected if kind == 2 and most > 255 else None, tolerance=tolerance)
        packed = random.randbytes((width + 7) // 8 * height)
        writer.write(f"{width} p4.pbm", f"P4 {width} {height}\n".encode() + packed)


def main():
    with open(sys.argv[1], "wb") as file:
        if Image is None:
            print(f"Pillow is not there ({reason}): install python3-pil", file=sys.stderr)
            return
        random.seed(7)
        writer = Writer(file)
        write_jpegs(writer)
        write_pngs(writer)
        write_webps(writer)
        write_bmps(writer)
        write_pnms(writer)


if __name__ == "__main__":
    main()

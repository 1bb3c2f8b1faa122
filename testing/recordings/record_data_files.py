"""Records small images and a safetensors file, and what Python's packages read from them.

Writes accelerate/data/image/testdata (images, each with NAME.ppm, its pixels as Pillow has them
after convert("RGB")), accelerate/data/testdata/flowers (an image folder, with an image whose
resized pixels are in resized.safetensors) and accelerate/data/testdata/rows.safetensors. Recorded
with Python 3.11 and the packages below; Pillow's wheel has libjpeg-turbo 3.2.0. To run, from the root
of the repository:

    python -m venv /tmp/venv
    /tmp/venv/bin/pip install pillow==13.0.0 numpy==2.4.6 safetensors==0.8.0 pypng==0.20220715.0
    /tmp/venv/bin/python testing/recordings/record_data_files.py

torchvision's Resize of a Pillow image is Pillow's resize(), and its ToTensor a division by 255.
"""

import pathlib

import numpy as np
import png
from PIL import Image
from safetensors.numpy import save_file

DATA = pathlib.Path(__file__).parents[2] / "accelerate/data"
IMAGES = DATA / "image/testdata"
FOLDER = DATA / "testdata/flowers"
WIDTH, HEIGHT = 37, 23


def picture(width=WIDTH, height=HEIGHT, seed=1):
    """A smooth one with some noise and an edge, as 8 bits of RGB."""
    y, x = np.mgrid[0:height, 0:width]
    rgb = np.stack([255 * x / width, 255 * y / height, 128 + 100 * np.sin(x / 3) * np.cos(y / 4)], axis=-1)
    rgb[(x - width / 2) ** 2 + (y - height / 2) ** 2 < (height / 4) ** 2] = [250, 20, 90]
    rgb += np.random.default_rng(seed).normal(0, 6, rgb.shape)
    return np.clip(rgb, 0, 255).astype(np.uint8)


def save(name, image, **options):
    path = IMAGES / name
    image.save(path, **options)
    expect(path)


def expect(path):
    Image.open(path).convert("RGB").save(path.with_suffix(path.suffix + ".ppm"))


def record_images():
    rgb = Image.fromarray(picture())
    save("rgb.jpg", rgb, quality=90)
    save("progressive.jpg", rgb, quality=85, progressive=True, subsampling=0)
    save("grey.jpg", rgb.convert("L"), quality=90)
    save("cmyk.jpg", rgb.convert("CMYK"), quality=95)
    save("rgb.png", rgb)
    save("grey.png", rgb.convert("L"))
    save("one_bit.png", rgb.convert("1"))
    save("palette.png", rgb.quantize(13))
    save("transparent_palette.png", rgb.quantize(13), transparency=2)
    alpha = Image.fromarray(picture(seed=2)).convert("L")
    save("alpha.png", Image.merge("RGBA", (*rgb.split(), alpha)))
    save("grey_alpha.png", Image.merge("LA", (rgb.convert("L"), alpha)))

    # What Pillow does not write, or not read as RGB.
    with open(IMAGES / "interlaced.png", "wb") as file:
        png.Writer(WIDTH, HEIGHT, greyscale=False, interlace=True).write(file, picture().reshape(HEIGHT, -1).tolist())
    expect(IMAGES / "interlaced.png")
    deep = picture().astype(np.uint16) * 257 - np.random.default_rng(3).integers(0, 2, (HEIGHT, WIDTH, 3), dtype=np.uint16) * 150
    with open(IMAGES / "deep.png", "wb") as file:
        png.Writer(WIDTH, HEIGHT, greyscale=False, bitdepth=16).write(file, deep.reshape(HEIGHT, -1).tolist())
    rounded = np.rint(deep.astype(np.float64) / 257).astype(np.uint8)
    Image.fromarray(rounded).save(IMAGES / "deep.png.ppm")


def record_folder():
    for name, seed in [("daisy/b.PNG", 1), ("daisy/a/c.jpg", 2), ("daisy/a-c/d.jpeg", 3), ("tulip/a.png", 4)]:
        path = FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image = Image.fromarray(picture(60, 44, seed))
        image.save(path, format="PNG" if path.suffix.lower() == ".png" else "JPEG")
    image = Image.open(FOLDER / "daisy/b.PNG")
    resized = {
        f"{height}x{width}": np.ascontiguousarray(
            np.asarray(image.resize((width, height), Image.Resampling.BILINEAR)).transpose(2, 0, 1))
        for height, width in [(20, 30), (11, 60), (88, 120), (50, 17)]
    }
    save_file(resized, DATA / "testdata/resized.safetensors")


def record_rows():
    count = np.arange(5)
    types = ["bool", "uint8", "int8", "int16", "uint16", "float16", "int32", "uint32", "float32", "float64", "int64", "uint64", "complex64"]
    rows = {name: (count[:, None] * 2 + np.arange(2) > 3 if name == "bool" else count[:, None] * 2 + np.arange(2)).astype(name)
            for name in types}
    rows["labels"] = (count * 10).astype("int64")
    rows["short"] = count[:4].astype("int64")
    rows["number"] = np.array(7.0, dtype="float32")
    rows["empty_rows"] = np.zeros((5, 0), dtype="float32")
    save_file(rows, DATA / "testdata/rows.safetensors")


if __name__ == "__main__":
    IMAGES.mkdir(parents=True, exist_ok=True)
    record_images()
    record_folder()
    record_rows()

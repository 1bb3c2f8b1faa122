"""Records where the safetensors package puts tensors of all types, shapes and names.

Writes formats/safetensors/testdata/layout: each file of FILES as NAME.safetensors, its data zeros.
Recorded with Python 3.11 and safetensors 0.8.0. To run, from the root of the repository:

    python -m venv /tmp/venv
    /tmp/venv/bin/pip install safetensors==0.8.0
    /tmp/venv/bin/python testing/recordings/record_safetensors_layout.py

specs.json is a list of objects, in which the tensors are in the order that the package was given:
    file      the file's name
    metadata  of at most one key, as the package writes those of more in an order of chance
    tensors   [name, dtype, shape] of each, dtype by its name in a file
"""

import ctypes
import json
import math
import pathlib
import random
import shutil

from safetensors import TensorSpec, serialize_file

OUT = pathlib.Path(__file__).parents[2] / "formats/safetensors/testdata/layout"

# All that the package writes, in bytes for each element of a shape; two of float4 are one of them.
SIZES = {
    "bool": 1,
    "int8": 1,
    "uint8": 1,
    "float4_e2m1fn_x2": 1,
    "float8_e4m3fn": 1,
    "float8_e4m3fnuz": 1,
    "float8_e5m2": 1,
    "float8_e5m2fnuz": 1,
    "float8_e8m0fnu": 1,
    "bfloat16": 2,
    "float16": 2,
    "int16": 2,
    "uint16": 2,
    "float32": 4,
    "int32": 4,
    "uint32": 4,
    "complex64": 8,
    "float64": 8,
    "int64": 8,
    "uint64": 8,
}
NAMES = [
    "",
    " ",
    "a",
    "a.b",
    "a/b",
    "a0",
    "ab",
    "B",
    '"',
    "\\",
    '\\"',
    "\0",
    "a\0",
    "\x01\x1f\x7f\x80",
    "\b\t\n\v\f\r",
    "é",
    "e\u0301",
    "ж",
    "層.0.重み",
    "\u2028\u2029\ufeff\uffff",
    "😀",
    "\U0010ffff",
    "__metadata",
    "dtype",
    "{}",
]


def every_type():
    return [(f"{i % 3}.{dtype}", dtype, [2, 3]) for i, dtype in enumerate(SIZES)]


def shapes():
    tensors = [
        ("scalar", "float32", []),
        ("scalar_bool", "bool", []),
        ("one", "float32", [1]),
        ("ones", "float32", [1] * 12),
        ("several", "float32", [2, 1, 3, 2, 1]),
        ("odd", "bool", [3]),
        ("odd_half", "bfloat16", [3]),
    ]
    # At one offset, where types and names order them otherwise.
    for name, dtype in [("z", "int64"), ("y", "float32"), ("a", "bfloat16"), ("b", "bool")]:
        tensors.append((f"empty.{name}", dtype, [0]))
        tensors.append((f"empties.{name}", dtype, [3, 0, 4294967296]))
    return tensors


def many():
    parts = [("weight", "bfloat16", [2, 1]), ("bias", "float32", [1]), ("steps", "int64", [])]
    return [(f"layers.{i}.{part}", *rest) for i in range(40) for part, *rest in parts]


FILES = {
    "nothing": ([], {}),
    "metadata_alone": ([], {"format": "pt"}),
    "metadata": ([("a", "float32", [1])], {'é"\\\0\n': '{"😀": "\x7f"}\r\n'}),
    "every_type": (every_type(), {"format": "pt"}),
    "shapes": (shapes(), {}),
    "names": ([(name, "int8", [1]) for name in NAMES], {}),
    "many": (many(), {"format": "pt"}),
}


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    generator = random.Random(0)
    recorded = []
    for name, (tensors, metadata) in FILES.items():
        generator.shuffle(tensors)
        specs, buffers = {}, []
        for tensor, dtype, shape in tensors:
            buffer = ctypes.create_string_buffer(math.prod(shape) * SIZES[dtype])
            buffers.append(buffer)  # The package looks at it, but does not keep it.
            specs[tensor] = TensorSpec(
                dtype=dtype,
                shape=shape,
                data_ptr=ctypes.addressof(buffer),
                data_len=len(buffer),
            )
        assert len(specs) == len(tensors)
        file = f"{name}.safetensors"
        serialize_file(specs, OUT / file, metadata or None)
        rows = [[tensor, spec.dtype, list(spec.shape)] for tensor, spec in specs.items()]
        recorded.append({"file": file, "metadata": metadata, "tensors": rows})
    lines = ",\n".join(json.dumps(entry) for entry in recorded)
    (OUT / "specs.json").write_text(f"[\n{lines}\n]\n")
    print(f"{OUT}: {sum(file.stat().st_size for file in OUT.iterdir())} bytes")


if __name__ == "__main__":
    main()

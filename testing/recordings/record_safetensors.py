"""Records models as the safetensors package saves them, and what Accelerate estimates for them.

Writes formats/safetensors/testdata: each model of MODELS as NAME.safetensors, and "sharded" as a
folder with an index. estimates.json says what they must be read as. Recorded with Python 3.11,
safetensors 0.8.0, huggingface_hub 2.4.0, accelerate 1.15.0 and PyTorch 2.11.0 (CPU). To run, from
the root of the repository:

    python -m venv /tmp/venv
    /tmp/venv/bin/pip install torch==2.11.0 accelerate==1.15.0 safetensors==0.8.0 numpy
    /tmp/venv/bin/python testing/recordings/record_safetensors.py

estimates.json has "sizes", a list of [bytes, text] by accelerate's convert_bytes, where bytes
with a decimal point were a float; and "models", a list of objects:
    path           the file or folder, within testdata
    tensors        [name, dtype, shape, begin, end] of each, begin and end within the data of its
                   file, sorted by name; read from the headers here, not by the package
    total_size     of calculate_maximum_sizes() for the model in fp32, in bytes
    largest_layer  of the same
    table          the lines of the table of `accelerate estimate-memory` with the dtypes float32,
                   float16, int8 and int4, for a model called by its path
"""

import json
import pathlib
import shutil
import struct

import torch
from accelerate.commands.estimate import create_ascii_table, estimate_training_usage
from accelerate.utils import calculate_maximum_sizes, convert_bytes
from huggingface_hub import save_torch_state_dict
from safetensors.torch import save_file
from torch import nn

OUT = pathlib.Path(__file__).parents[2] / "formats/safetensors/testdata"


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.gate = nn.Parameter(torch.zeros(3))  # beside children, so that it is no layer's
        self.first = nn.Linear(6, 10)
        self.norm = nn.BatchNorm1d(10)  # has a buffer of type int64
        self.second = nn.Linear(10, 6, bias=False)


class Nested(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.zeros(7))  # of the model itself: a layer of its own
        self.embedding = nn.Embedding(11, 6)
        self.layers = nn.ModuleList([Block(), Block()])
        self.head = nn.Sequential(nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 1))


class Masked(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 5)
        self.register_buffer("mask", torch.zeros(9, dtype=torch.bool))
        self.register_buffer("positions", torch.arange(64))
        self.register_buffer("nothing", torch.zeros(0, 3))


class Alone(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(5, 2))


MODELS = {
    "nested": (Nested, torch.float32),
    "nested_bf16": (Nested, torch.bfloat16),
    "nested_f64": (Nested, torch.float64),
    "masked": (Masked, torch.float16),
    "alone": (Alone, torch.float8_e4m3fn),
}


def read_entries(path):
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    return [[name, entry["dtype"], entry["shape"], *entry["data_offsets"]]
            for name, entry in header.items()]  # fmt: skip


def table_of(total_size, largest_layer, name):
    """The rows as gather_data() and estimate_command() make them, without a model on the Hub."""
    rows = []
    for dtype, divisor in (("float32", None), ("float16", 2), ("int8", 4), ("int4", 8)):
        sizes = [largest_layer, total_size]
        if divisor is not None:
            sizes = [size / divisor for size in sizes]
        training = max(estimate_training_usage(total_size, dtype).values())
        rows.append([dtype, *map(convert_bytes, sizes),
                     convert_bytes(training) if training != -1 else "N/A"])  # fmt: skip
    headers = ["dtype", "Largest Layer", "Total Size", "Training using Adam"]
    return create_ascii_table(headers, rows, f"Memory Usage for loading `{name}`").split("\n")


def record(path, model, entries):
    total_size, (largest_layer, _) = calculate_maximum_sizes(model)
    return {
        "path": path,
        "tensors": sorted(entries),
        "total_size": total_size,
        "largest_layer": largest_layer,
        "table": table_of(total_size, largest_layer, path),
    }


def main():
    shutil.rmtree(OUT / "sharded", ignore_errors=True)
    for path in OUT.glob("*.safetensors"):
        path.unlink()
    torch.manual_seed(0)
    models = []
    for name, (make, dtype) in MODELS.items():
        path = OUT / f"{name}.safetensors"
        save_file(make().to(dtype).state_dict(), path, metadata={"format": "pt"})
        models.append(record(path.name, make(), read_entries(path)))

    model = Nested()
    folder = OUT / "sharded"
    folder.mkdir()
    save_torch_state_dict(model.state_dict(), folder, max_shard_size=700)
    shards = sorted(folder.glob("*.safetensors"))
    assert len(shards) > 2, shards
    entries = [entry for shard in shards for entry in read_entries(shard)]
    models.append(record("sharded", model, entries))

    sizes = [0, 1, 1023, 1024, 1025, 1536.0, 0.5, 0.125, 1.005, 2.675, 1000.0, 123456, 1048575,
             1048576, 10**9, 12345678901, 5 * 1024**4 + 1, 3 * 1024**5, 2**53]  # fmt: skip
    lines = ",\n".join(json.dumps(entry) for entry in models)
    out = OUT / "estimates.json"
    out.write_text(
        f'{{"sizes": {json.dumps([[size, convert_bytes(size)] for size in sizes])},\n'
        f'"models": [\n{lines}\n]}}\n'
    )
    print(f"{OUT}: {len(models)} models, {sum(f.stat().st_size for f in OUT.rglob('*.*'))} bytes")


if __name__ == "__main__":
    main()

"""nanoGPT's get_batch() beside TokenFile, on the same file of tokens, in turn: medians, and how often TokenFile is faster.

    bazel build //testing/benchmarks:token_file_benchmark
    python testing/benchmarks/token_file_peer.py bazel-bin/testing/benchmarks/token_file_benchmark

with a Python that has torch and numpy (peers.txt). A batch is 12 sequences of 1,024 tokens and their targets, at random
places of 100 M tokens, in one thread.
"""

import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import torch

BATCH, BLOCK, TOKENS, VOCABULARY = 12, 1024, 100_000_000, 50257
ROUNDS, BATCHES = 7, 2000


def get_batch(path):
    """As nanoGPT's train.py has it; it maps the file anew each time, against a leak."""
    data = np.memmap(path, dtype=np.uint16, mode="r")
    ix = torch.randint(len(data) - BLOCK, (BATCH,))
    x = torch.stack([torch.from_numpy((data[i:i + BLOCK]).astype(np.int64)) for i in ix])
    y = torch.stack([torch.from_numpy((data[i + 1:i + 1 + BLOCK]).astype(np.int64)) for i in ix])
    return x, y


def peer(path):
    begin = time.perf_counter()
    for _ in range(BATCHES):
        get_batch(path)
    return (time.perf_counter() - begin) / BATCHES * 1e6


def ours(benchmark, path):
    command = [benchmark, f"--tokens={path}", "--benchmark_format=json"]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return json.loads(output)["benchmarks"][0]["real_time"]


def main():
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "train.bin"
        np.random.default_rng(1).integers(0, VOCABULARY, TOKENS, dtype=np.uint16).tofile(path)
        peer(path)
        pairs = [(ours(sys.argv[1], path), peer(path)) for _ in range(ROUNDS)]
    print(f"TokenFile {statistics.median(pair[0] for pair in pairs):.1f} us, "
          f"nanoGPT {statistics.median(pair[1] for pair in pairs):.1f} us a batch, "
          f"ratio {statistics.median(theirs / mine for mine, theirs in pairs):.1f}")


if __name__ == "__main__":
    main()

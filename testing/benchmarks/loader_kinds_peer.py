"""Python's DataLoader beside this one, on the same data, in turn: medians, and how often this one is faster.

    bazel build //testing/benchmarks:loader_kinds_benchmark
    python testing/benchmarks/loader_kinds_peer.py bazel-bin/testing/benchmarks/loader_kinds_benchmark

with a Python that has torch and Accelerate (peers.txt). Tensors, Batches: rows of a TensorDataset, in a shuffle and by a
batch sampler, each batch sliced at once (__getitems__). OneByOne: a data set that gives examples one by one. Streamed: an
IterableDataset. Resume: to the first batch of a shuffled epoch after a million samples, by Accelerate's
skip_first_batches(). No workers, one thread.
"""

import json
import statistics
import subprocess
import sys
import time

import torch
from accelerate import skip_first_batches
from torch.utils.data import DataLoader, Dataset, IterableDataset

BATCH, BATCHES, FEATURES = 32, 2000, 64
ROWS = BATCH * BATCHES
ROUNDS = 5


class Rows(Dataset):
    def __init__(self):
        self.data = torch.randn(ROWS, FEATURES)
        self.target = torch.zeros(ROWS, dtype=torch.long)

    def __len__(self):
        return ROWS

    def __getitem__(self, index):
        return self.data[index], self.target[index]


class SlicedRows(Rows):
    def __getitems__(self, indices):
        return self.data[indices], self.target[indices]


class Stream(IterableDataset):
    def __init__(self):
        self.rows = Rows()

    def __iter__(self):
        for index in range(ROWS):
            yield self.rows[index]


class Numbers(Dataset):
    row = torch.zeros(FEATURES)

    def __len__(self):
        return 1_100_000

    def __getitem__(self, index):
        return self.row, self.row


def as_it_is(batch):
    return batch


def batches_of(loader):
    begin = time.perf_counter()
    for _ in loader:
        pass
    return (time.perf_counter() - begin) / BATCHES * 1e6


def resume():
    loader = DataLoader(Numbers(), batch_size=BATCH, shuffle=True)
    begin = time.perf_counter()
    next(iter(skip_first_batches(loader, 1_000_000 // BATCH)))
    return (time.perf_counter() - begin) * 1e6


def peers():
    ragged = [[(begin + 7 * i) % ROWS for i in range(BATCH)] for begin in range(0, ROWS, BATCH)]
    return {
        "Tensors": batches_of(DataLoader(SlicedRows(), batch_size=BATCH, shuffle=True, collate_fn=as_it_is)),
        "OneByOne": batches_of(DataLoader(Rows(), batch_size=BATCH, shuffle=True)),
        "Batches": batches_of(DataLoader(SlicedRows(), batch_sampler=ragged, collate_fn=as_it_is)),
        "Streamed": batches_of(DataLoader(Stream(), batch_size=BATCH)),
        "Resume": resume(),
    }


def ours(benchmark):
    output = subprocess.run([benchmark, "--benchmark_format=json"], check=True, capture_output=True, text=True).stdout
    return {each["name"]: each["real_time"] for each in json.loads(output)["benchmarks"]}


def main():
    torch.set_num_threads(1)
    peers()
    pairs = [(ours(sys.argv[1]), peers()) for _ in range(ROUNDS)]
    for name in pairs[0][1]:
        mine = statistics.median(pair[0][name] for pair in pairs)
        theirs = statistics.median(pair[1][name] for pair in pairs)
        ratio = statistics.median(pair[1][name] / pair[0][name] for pair in pairs)
        print(f"{name:10} {mine:10.1f} us, Python {theirs:10.1f} us, ratio {ratio:.1f}")


if __name__ == "__main__":
    main()

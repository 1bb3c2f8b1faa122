"""The Python side of compare.py: the same MLP (64-256-10, batch 32, AdamW, one thread) by two loops.

    mlp_peer.py accelerate STEPS   Hugging Face Accelerate, PyTorch's DataLoader, AdamW as it comes
    mlp_peer.py pytorch STEPS      plain PyTorch, fused AdamW, sliced batches

Prints `X steps/s`, after 200 steps that are not timed.
"""

import sys
import time

import torch

WARM_UP, BATCH = 200, 32


def make_net():
    return torch.nn.Sequential(torch.nn.Linear(64, 256), torch.nn.ReLU(), torch.nn.Linear(256, 10))


def run_accelerate(x, y):
    from accelerate import Accelerator

    accelerator = Accelerator(cpu=True)
    model = make_net()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y), batch_size=BATCH)
    model, optimizer, loader = accelerator.prepare(model, optimizer, loader)
    loss_function = torch.nn.CrossEntropyLoss()
    for inputs, targets in loader:
        optimizer.zero_grad()
        accelerator.backward(loss_function(model(inputs), targets))
        optimizer.step()
        yield


def run_pytorch(x, y):
    model = make_net()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    loss_function = torch.nn.CrossEntropyLoss()
    for inputs, targets in zip(x.split(BATCH), y.split(BATCH)):
        optimizer.zero_grad()
        loss_function(model(inputs), targets).backward()
        optimizer.step()
        yield


def main():
    torch.set_num_threads(1)
    torch.manual_seed(0)
    steps = int(sys.argv[2])
    rows = BATCH * (WARM_UP + steps)
    x, y = torch.randn(rows, 64), torch.randint(0, 10, (rows,))
    loop = {"accelerate": run_accelerate, "pytorch": run_pytorch}[sys.argv[1]]
    begin = 0.0
    for step, _ in enumerate(loop(x, y)):
        if step + 1 == WARM_UP:
            begin = time.perf_counter()
    print(steps / (time.perf_counter() - begin), "steps/s")


main()

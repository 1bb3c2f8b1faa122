"""The Python side of the MLP of compare.py and compare_gpu.py (64-256-10, batch 32, AdamW), by several loops.

    mlp_peer.py LOOP STEPS [DEVICE]

accelerate   Hugging Face Accelerate, PyTorch's DataLoader, AdamW as it comes
pytorch      plain PyTorch, fused AdamW, sliced batches
sliced       Hugging Face Accelerate, fused AdamW, batches sliced from data on the device
compile      plain PyTorch, fused AdamW, model and loss under torch.compile(mode="reduce-overhead"), sliced batches
graph        plain PyTorch, fused AdamW, the whole step in a torch.cuda.graph, sliced batches

Prints `X steps/s`, after 200 steps that are not timed, and the first loss. DEVICE is cpu (one thread) unless given.
"""

import sys
import time

import torch

WARM_UP, BATCH = 200, 32
# Steps before a graph is recorded, as PyTorch's documentation has it.
STEPS_BEFORE_GRAPH = 3


def make_net():
    return torch.nn.Sequential(torch.nn.Linear(64, 256), torch.nn.ReLU(), torch.nn.Linear(256, 10))


def run_accelerate(x, y):
    from accelerate import Accelerator

    accelerator = Accelerator(cpu=x.device.type == "cpu")
    model = make_net()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y), batch_size=BATCH)
    model, optimizer, loader = accelerator.prepare(model, optimizer, loader)
    loss_function = torch.nn.CrossEntropyLoss()
    for inputs, targets in loader:
        optimizer.zero_grad()
        loss = loss_function(model(inputs), targets)
        accelerator.backward(loss)
        optimizer.step()
        yield loss


def run_sliced(x, y):
    from accelerate import Accelerator

    accelerator = Accelerator(cpu=x.device.type == "cpu")
    model = make_net()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    model, optimizer = accelerator.prepare(model, optimizer)
    loss_function = torch.nn.CrossEntropyLoss()
    for inputs, targets in zip(x.split(BATCH), y.split(BATCH)):
        optimizer.zero_grad()
        loss = loss_function(model(inputs), targets)
        accelerator.backward(loss)
        optimizer.step()
        yield loss


def run_pytorch(x, y, compiled=False):
    model = make_net().to(x.device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    loss_function = torch.nn.CrossEntropyLoss()

    def loss_of(inputs, targets):
        return loss_function(model(inputs), targets)

    if compiled:
        loss_of = torch.compile(loss_of, mode="reduce-overhead")
    for inputs, targets in zip(x.split(BATCH), y.split(BATCH)):
        optimizer.zero_grad()
        loss = loss_of(inputs, targets)
        loss.backward()
        optimizer.step()
        yield loss


def run_compile(x, y):
    return run_pytorch(x, y, compiled=True)


def run_graph(x, y):
    model = make_net().to(x.device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True, capturable=True)
    loss_function = torch.nn.CrossEntropyLoss()
    batches = zip(x.split(BATCH), y.split(BATCH))
    static_inputs, static_targets = x[:BATCH].clone(), y[:BATCH].clone()

    def step():
        optimizer.zero_grad()
        loss = loss_function(model(static_inputs), static_targets)
        loss.backward()
        optimizer.step()
        return loss

    def fill():
        inputs, targets = next(batches)
        static_inputs.copy_(inputs)
        static_targets.copy_(targets)

    stream = torch.cuda.Stream()
    for _ in range(STEPS_BEFORE_GRAPH):
        fill()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            loss = step()
        torch.cuda.current_stream().wait_stream(stream)
        yield loss
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        loss = step()
    for _ in range(len(x) // BATCH - STEPS_BEFORE_GRAPH):
        fill()
        graph.replay()
        yield loss


LOOPS = {
    "accelerate": run_accelerate,
    "pytorch": run_pytorch,
    "sliced": run_sliced,
    "compile": run_compile,
    "graph": run_graph,
}


def main():
    torch.set_num_threads(1)
    torch.manual_seed(0)
    loop, steps, device = LOOPS[sys.argv[1]], int(sys.argv[2]), (sys.argv + ["cpu"])[3]
    rows = BATCH * (WARM_UP + steps)
    x, y = torch.randn(rows, 64), torch.randint(0, 10, (rows,))
    begin = 0.0
    for step, loss in enumerate(loop(x.to(device), y.to(device))):
        # Reading the loss waits for the device.
        if step == 0:
            first_loss = loss.item()
        if step + 1 == WARM_UP:
            loss.item()
            begin = time.perf_counter()
    loss.item()
    print(steps / (time.perf_counter() - begin), f"steps/s, first loss {first_loss:.9g}")


main()

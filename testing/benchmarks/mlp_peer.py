"""The Python side of mlp_loops.cc (64-256-10, batch 32, AdamW, one thread), by several loops.

    mlp_peer.py --loop=accelerate --steps=4000
    python -m torch.distributed.run --nproc_per_node=2 mlp_peer.py --loop=accelerate

accelerate   Hugging Face Accelerate, PyTorch's DataLoader, AdamW as it comes
pytorch      plain PyTorch, fused AdamW, sliced batches; on several processes under DistributedDataParallel
sliced       Hugging Face Accelerate, fused AdamW, batches sliced from data on the device
compile      plain PyTorch, fused AdamW, model and loss under torch.compile(mode="reduce-overhead"), sliced batches
graph        plain PyTorch, fused AdamW, the whole step in a torch.cuda.graph, sliced batches

Prints what stopwatch.py says, of batches that are steps, after 200 that are not timed.
"""

import argparse
import os
import re

import torch

import stopwatch

WARM_UP, BATCH = 200, 32
# Steps before a graph is recorded, as PyTorch's documentation has it.
STEPS_BEFORE_GRAPH = 3


def make_net():
    return torch.nn.Sequential(torch.nn.Linear(64, 256), torch.nn.ReLU(), torch.nn.Linear(256, 10))


def world():
    """What a launcher says of rank and world size."""
    return int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))


def slices(x, y):
    """This rank's batches."""
    rank, size = world()
    return zip(x.split(BATCH)[rank::size], y.split(BATCH)[rank::size])


def run_accelerate(x, y, options, is_sliced=False):
    from accelerate import Accelerator

    accelerator = Accelerator(cpu=x.device.type == "cpu", gradient_accumulation_steps=options.accumulate)
    model = make_net()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=is_sliced or None)
    model, optimizer = accelerator.prepare(model, optimizer)
    loss_function = torch.nn.CrossEntropyLoss()
    if is_sliced:
        loader = slices(x, y)
    else:
        dataset = torch.utils.data.TensorDataset(x, y)
        loader = accelerator.prepare(torch.utils.data.DataLoader(dataset, batch_size=BATCH))

    def train_on(inputs, targets):
        loss = loss_function(model(inputs), targets)
        accelerator.backward(loss)
        if options.clip and accelerator.sync_gradients:
            accelerator.clip_grad_norm_(model.parameters(), options.clip)
        optimizer.step()
        # At the end: before the last batch of a window it would clear what the others left.
        optimizer.zero_grad()
        return loss

    for inputs, targets in loader:
        # As a program would be written that never accumulates.
        if options.accumulate == 1:
            yield train_on(inputs, targets)
        else:
            with accelerator.accumulate(model):
                loss = train_on(inputs, targets)
            yield loss


def run_sliced(x, y, options):
    return run_accelerate(x, y, options, is_sliced=True)


def run_pytorch(x, y, options, is_compiled=False):
    model = make_net().to(x.device)
    if world()[1] > 1:
        torch.distributed.init_process_group("gloo")
        model = torch.nn.parallel.DistributedDataParallel(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    loss_function = torch.nn.CrossEntropyLoss()

    def loss_of(inputs, targets):
        return loss_function(model(inputs), targets)

    if is_compiled:
        loss_of = torch.compile(loss_of, mode="reduce-overhead")
    for batch, (inputs, targets) in enumerate(slices(x, y)):
        if batch % options.accumulate == 0:
            optimizer.zero_grad()
        is_last = (batch + 1) % options.accumulate == 0
        if isinstance(model, torch.nn.parallel.DistributedDataParallel):
            # What no_sync() sets.
            model.require_backward_grad_sync = is_last
        loss = loss_of(inputs, targets)
        (loss / options.accumulate if options.accumulate > 1 else loss).backward()
        if is_last:
            if options.clip:
                torch.nn.utils.clip_grad_norm_(model.parameters(), options.clip)
            optimizer.step()
        yield loss


def run_compile(x, y, options):
    return run_pytorch(x, y, options, is_compiled=True)


def run_graph(x, y, options):
    model = make_net().to(x.device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True, capturable=True)
    loss_function = torch.nn.CrossEntropyLoss()
    batches = slices(x, y)
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


def report_memory():
    """As memory.h does it."""
    if torch.distributed.is_initialized():
        torch.distributed.barrier()
    with open("/proc/self/smaps_rollup") as rollup:
        kib = int(re.search(r"^Pss: +(\d+) kB", rollup.read(), re.MULTILINE)[1])
    # In one write, so that no other rank's line gets in between.
    os.write(1, f"{kib / 1024:.6g} MiB PSS\n".encode())
    if torch.distributed.is_initialized():
        torch.distributed.barrier()


def parse_options(loops):
    """The options of mlp_loops.cc that make sense here."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--loop", choices=loops, default=loops[0])
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--accumulate", type=int, default=1)
    parser.add_argument("--clip", type=float, default=0)
    parser.add_argument("--losses", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--report_memory", action="store_true")
    return parser.parse_args()


def draw_data(options):
    torch.set_num_threads(1)
    torch.manual_seed(0)
    rows = BATCH * (WARM_UP + options.steps) * world()[1]
    return torch.randn(rows, 64), torch.randint(0, 10, (rows,))


def main():
    options = parse_options(list(LOOPS))
    x, y = (each.to(options.device) for each in draw_data(options))
    watch = stopwatch.Stopwatch(WARM_UP, options.steps, losses=options.losses, speaks=world()[0] == 0)
    for loss in LOOPS[options.loop](x, y, options):
        watch.after_step(loss)
    if options.report_memory:
        report_memory()
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main()

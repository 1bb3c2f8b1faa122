"""torch.distributed.checkpoint's async_save beside checkpoint_benchmark, in turn.

    bazel build //testing/benchmarks:checkpoint_benchmark
    python testing/benchmarks/checkpoint_peer.py bazel-bin/testing/benchmarks/checkpoint_benchmark /tmp/checkpoints

with a Python that has torch. One process, one thread; the same model and optimizer. Prints how long the training stands
still for a checkpoint, on both sides, and what a loop keeps of its speed that saves every ten steps.
"""

import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp

WIDTH, LAYERS, BATCH = 1024, 4, 32
ROUNDS, STEPS, BETWEEN = 9, 50, 10


def seconds_of(work):
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def main(benchmark, folder):
    torch.set_num_threads(1)
    print(subprocess.run([benchmark, "--cpu", folder + "/ours"], check=True, capture_output=True, text=True).stdout, end="")
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT="29544")
    dist.init_process_group("gloo", rank=0, world_size=1)
    net = torch.nn.Sequential(*[torch.nn.Linear(WIDTH, WIDTH) for _ in range(LAYERS)])
    adamw = torch.optim.AdamW(net.parameters(), lr=1e-4, fused=True)
    x = torch.randn(BATCH, WIDTH)
    place = pathlib.Path(folder) / "theirs"

    def step():
        adamw.zero_grad()
        net(x).square().mean().backward()
        adamw.step()

    def save(number):
        state = {"model": net.state_dict(), "optimizer": adamw.state_dict()}
        return dcp.async_save(state, checkpoint_id=str(place / str(number % 2)))

    def loop(saves):
        pending = None
        for i in range(1, STEPS + 1):
            step()
            if saves and i % BETWEEN == 0:
                if pending:
                    pending.result()
                pending = save(i // BETWEEN)
        return pending

    step()
    save(0).result()
    still, alone, saving = [], [], []
    for number in range(ROUNDS):
        pending = []
        still.append(seconds_of(lambda: pending.append(save(number))))
        pending[0].result()
        alone.append(seconds_of(lambda: loop(False)))
        saving.append(seconds_of(lambda: pending.append(loop(True))))
        pending[1].result()
    kept = statistics.median(a / s for a, s in zip(alone, saving))
    print(f"async_save: stands still {statistics.median(still) * 1e3:.4g} ms; a step "
          f"{statistics.median(alone) / STEPS * 1e3:.4g} ms; {BETWEEN} steps and a checkpoint "
          f"{statistics.median(saving) / STEPS * BETWEEN * 1e3:.4g} ms; speed kept {kept:.4g}")
    dist.destroy_process_group()
    shutil.rmtree(place, ignore_errors=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""PyTorch's DistributedDataParallel, ZeroRedundancyOptimizer and FSDP2 beside sharding_benchmark, in turn.

    bazel build //testing/benchmarks:sharding_benchmark
    python testing/benchmarks/sharding_peer.py bazel-bin/testing/benchmarks/sharding_benchmark 2

with a Python that has torch; the number is that of processes. On the CPU, over Gloo, one thread each, the same model as
there. Prints for each the steps in a second, the CPU time of a step, and how much the process's own memory grew by the
training. Ours runs between theirs, once in each round.
"""

import os
import pathlib
import resource
import subprocess
import sys
import time

WIDTH, BLOCKS, WORDS, TOKENS = 512, 8, 2048, 128
ROUNDS, STEPS = 3, 20


def own_memory():
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise RuntimeError("/proc/self/status has no RssAnon")


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def train(way):
    import torch
    import torch.distributed as dist
    import torch.nn as nn
    import torch.nn.functional as F
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard
    from torch.distributed.optim import ZeroRedundancyOptimizer

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm = nn.LayerNorm(WIDTH)
            self.up = nn.Linear(WIDTH, 4 * WIDTH)
            self.down = nn.Linear(4 * WIDTH, WIDTH)

        def forward(self, x):
            return x + F.dropout(self.down(F.gelu(self.up(self.norm(x)))), 0.1, self.training)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = nn.Embedding(WORDS, WIDTH)
            self.blocks = nn.ModuleList(Block() for _ in range(BLOCKS))
            self.norm = nn.LayerNorm(WIDTH)

        def forward(self, ids):
            x = self.embed(ids)
            for block in self.blocks:
                x = block(x)
            return F.linear(self.norm(x), self.embed.weight)

    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    torch.manual_seed(1)
    before = own_memory()
    net = Net()
    if way == "fsdp2":
        mesh = init_device_mesh("cpu", (dist.get_world_size(),))
        for block in net.blocks:
            fully_shard(block, mesh=mesh, reshard_after_forward=False)
        fully_shard(net, mesh=mesh, reshard_after_forward=False)
        model, adamw = net, torch.optim.AdamW(net.parameters(), lr=1e-3)
    else:
        model = nn.parallel.DistributedDataParallel(net)
        if way == "zero":
            adamw = ZeroRedundancyOptimizer(net.parameters(), torch.optim.AdamW, lr=1e-3, fused=True)
        else:
            adamw = torch.optim.AdamW(net.parameters(), lr=1e-3, fused=True)

    def step():
        ids, following = torch.randint(WORDS, (TOKENS,)), torch.randint(WORDS, (TOKENS,))
        adamw.zero_grad()
        F.cross_entropy(model(ids), following).backward()
        adamw.step()

    for _ in range(3):
        step()
    begin, cpu = time.perf_counter(), cpu_seconds()
    for _ in range(STEPS):
        step()
    seconds, cpu = time.perf_counter() - begin, cpu_seconds() - cpu
    if dist.get_rank() == 0:
        print(f"PyTorch {way}: {STEPS / seconds:.2f} steps/s, {cpu / STEPS * 1e3:.0f} ms of CPU a step, "
              f"{own_memory() - before:.0f} MB more memory", flush=True)
    dist.destroy_process_group()


def main(benchmark, processes):
    for _ in range(ROUNDS):
        for way in ("ddp", "zero", "fsdp2"):
            command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={processes}",
                       __file__, way]
            subprocess.run(command, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
        for way in ("multi_cpu", "zero1_cpu", "zero2_cpu"):
            subprocess.run([benchmark, "--cpu", f"--num_processes={processes}", way], check=True)


if __name__ == "__main__":
    if len(sys.argv) == 2:
        train(sys.argv[1])
    else:
        main(*sys.argv[1:])

"""The workloads of compare.py. Commands are as one types them at the root of a checkout; peers/bin/python is the Python
that compare.py makes or is given."""

import re
import statistics

import rounds
from comparison import COMPARED_LOSSES, Figure, Pair, Program, Workload

OWN, CAPTURED, HUGGING_FACE = "this project", "this project, captured", "Hugging Face Accelerate"
PYTORCH, COMPILED, JAX = "plain PyTorch, fused AdamW", "PyTorch, `torch.compile`", "JAX, the step under `jit`"
DDP = "PyTorch, DistributedDataParallel"
LIBTORCH, FUSED_LIST = "LibTorch, `torch::optim::AdamW`", "LibTorch, `_fused_adamw_` on the list"

PYTHON = "peers/bin/python"
TORCHRUN = [PYTHON, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
MLP = "64-256-10, batch 32, AdamW, fp32, one thread for each process"

# What the peer pays for, and those who install torch from elsewhere may not have to.
LOADED = (
    "The torch of the Python package index loads its CUDA libraries also where there is no GPU; here a CPU build links "
    "LibTorch's CPU half."
)

# Four fifths of train/data/digits.csv.
TRAINING_IMAGES = 1437

# How far losses may be apart: by rounding, by rounding to 8 bits, and by what rounding comes to in a whole training.
SAME_ARITHMETIC, BFLOAT16, WHOLE_TRAINING = 1e-4, 1e-2, 1e-2


def mlp_loops(processes, *flags):
    return ["bazel-bin/testing/benchmarks/mlp_loops", "--cpu", f"--num_processes={processes}", *flags]


def mlp_peer(*flags):
    return ["testing/benchmarks/mlp_peer.py", *flags]


def speed(unit):
    return lambda run: rounds.speed_in(run.output, f"{unit}/s")


def seconds_to_first_step(run):
    """Its loss is printed when it is read, after the optimizer's step."""
    found = [seconds for seconds, text in run.lines if text.startswith("first loss ")]
    if not found:
        raise rounds.Failure("printed no first loss")
    return found[0]


def memory_of_workers(run):
    found = re.findall(r"^(\S+) MiB PSS$", run.output, re.MULTILINE)
    if len(found) != 2:
        raise rounds.Failure(f"{len(found)} of 2 processes told how much memory they have")
    return statistics.mean(map(float, found))


def images_per_second(run):
    """From the end of the first epoch to that of the last."""
    ends = [seconds for seconds, text in run.lines if re.match(r"epoch \d+ loss ", text)]
    if len(ends) < 2:
        raise rounds.Failure(f"printed the loss of {len(ends)} epochs; it takes two to time one")
    return TRAINING_IMAGES * (len(ends) - 1) / (ends[-1] - ends[0])


# What an MLP is trained with beside the plain step, and which flags ask for it.
MLP_VARIANTS = {
    "": [],
    ", an update from 4 batches": ["--accumulate=4"],
    ", gradients clipped to norm 1": ["--clip=1"],
}


def mlp(quick):
    steps = 200 if quick else 2000
    for variant, more in MLP_VARIANTS.items():
        flags = [f"--steps={steps}", f"--losses={COMPARED_LOSSES}", *more]
        programs = {
            OWN: Program(mlp_loops(1, *flags)),
            CAPTURED: Program(mlp_loops(1, "--capture", *flags)),
            HUGGING_FACE: Program([PYTHON, *mlp_peer("--loop=accelerate", *flags)]),
            PYTORCH: Program([PYTHON, *mlp_peer("--loop=pytorch", *flags)]),
            FUSED_LIST: Program(mlp_loops(1, "--loop=fused_list", *flags)),
        }
        # Those of the plain step.
        goals = {} if more else {
            (OWN, HUGGING_FACE): 5.5, (OWN, PYTORCH): 2.2, (OWN, LIBTORCH): 1.4, (OWN, FUSED_LIST): 0.97,
            (CAPTURED, HUGGING_FACE): 10, (CAPTURED, JAX): 1.3,
        }
        if not more:
            programs[JAX] = Program([PYTHON, "testing/benchmarks/mlp_jax_peer.py", *flags])
            programs[LIBTORCH] = Program(mlp_loops(1, "--loop=libtorch", *flags))
            programs[COMPILED] = Program([PYTHON, *mlp_peer("--loop=compile", *flags)])
        pairs = [
            Pair(own, peer, goals.get((own, peer)))
            for own in [OWN, CAPTURED] for peer in programs if peer not in [OWN, CAPTURED]
        ]
        note = f"{MLP}. Here and in {HUGGING_FACE} a loader brings the batches; the others slice them."
        figure = Figure(f"Small MLP, 1 process{variant}", "steps/s", pairs, speed("steps"), note=note)
        yield Workload("mlp", figure.title, programs, [figure], tolerance=SAME_ARITHMETIC)


def mlp_2(quick):
    # As long a time for the slow as for the fast.
    steps, own_steps = (100, 400) if quick else (600, 6000)
    alone, captured_alone = f"{OWN}, 1 process", f"{CAPTURED}, 1 process"
    for variant, more in MLP_VARIANTS.items():
        flags = [f"--steps={steps}", f"--losses={COMPARED_LOSSES}", *more]
        own_flags = [f"--steps={own_steps}", *flags[1:]]
        programs = {
            OWN: Program(mlp_loops(2, *own_flags)),
            CAPTURED: Program(mlp_loops(2, "--capture", *own_flags)),
            # Half of the data of two.
            alone: Program(mlp_loops(1, *own_flags), does_the_same=False),
            captured_alone: Program(mlp_loops(1, "--capture", *own_flags), does_the_same=False),
            HUGGING_FACE: Program([*TORCHRUN, *mlp_peer("--loop=accelerate", *flags)]),
            DDP: Program([*TORCHRUN, *mlp_peer("--loop=pytorch", *flags)]),
        }
        pairs = [
            Pair(OWN, HUGGING_FACE, None if more else 10), Pair(OWN, DDP), Pair(OWN, alone, 0.8, par=0.8),
            Pair(CAPTURED, HUGGING_FACE), Pair(CAPTURED, DDP), Pair(CAPTURED, captured_alone, 0.8, par=0.8),
        ]
        note = f"{MLP}; steps of each process. {HUGGING_FACE} and PyTorch average over Gloo, under torchrun."
        figure = Figure(f"Small MLP, 2 processes{variant}", "steps/s", pairs, speed("steps"), note=note)
        yield Workload("mlp_2", figure.title, programs, [figure], cores=2, tolerance=SAME_ARITHMETIC)


def my_model(quick):
    epochs = f"--epochs={3 if quick else 15}"
    data = "--data=train/data/digits.csv"
    own = ["bazel-bin/train/my_model", "--cpu", "--num_processes=1", data, epochs]
    programs = {
        OWN: Program(own),
        CAPTURED: Program([*own, "--capture"]),
        HUGGING_FACE: Program([PYTHON, "testing/benchmarks/my_model_peer.py", data, epochs]),
    }
    figure = Figure(
        "train/my_model, a convolutional network", "images/s", [Pair(OWN, HUGGING_FACE), Pair(CAPTURED, HUGGING_FACE)],
        images_per_second, note="The whole program but its first epoch: loader, shuffle, schedule; batch 32, fp32, one "
        "thread. The peer is the same program, as its user would write it in Python.",
    )
    yield Workload("my_model", figure.title, programs, [figure], tolerance=WHOLE_TRAINING)


def gpt(quick):
    timed = 5 if quick else 30
    flags = ["--data=train/testdata/char_gpt_text.txt", f"--steps={2 * timed}", f"--log_every={timed}"]
    own = ["bazel-bin/train/char_gpt", "--cpu", "--num_processes=1", "--noshuffle", "--sample=0", "--report_losses"]
    peer = [PYTHON, "testing/benchmarks/char_gpt_peer.py"]
    for precision, name in {"no": "fp32", "bf16": "bf16"}.items():
        more = [*flags, f"--mixed_precision={precision}"]
        compiled = f"{HUGGING_FACE}, `torch.compile`"
        programs = {
            OWN: Program([*own, *more]),
            CAPTURED: Program([*own, *more, "--capture"]),
            HUGGING_FACE: Program([*peer, *more]),
            compiled: Program([*peer, *more, "--compile"]),
        }
        pairs = [
            Pair(OWN, HUGGING_FACE, 1.05), Pair(OWN, compiled), Pair(CAPTURED, HUGGING_FACE), Pair(CAPTURED, compiled),
        ]
        figure = Figure(
            f"train/char_gpt, {name}, 1 process", "tokens/s", pairs, speed("tokens"),
            note="2 layers of 128, 16 pieces of 64 characters in a step, AdamW, one thread.",
        )
        tolerance = SAME_ARITHMETIC if precision == "no" else BFLOAT16
        yield Workload("gpt", figure.title, programs, [figure], tolerance=tolerance)


def start(quick):
    flags = [f"--steps={20 if quick else 100}", f"--losses={COMPARED_LOSSES}", "--report_memory"]
    programs = {
        OWN: Program(mlp_loops(2, *flags)),
        HUGGING_FACE: Program([*TORCHRUN, *mlp_peer("--loop=accelerate", *flags)]),
    }
    first_step = Figure(
        "From the command to the first optimizer step, 2 processes", "s", [Pair(OWN, HUGGING_FACE, 20)],
        seconds_to_first_step, less_is_better=True, better="sooner", worse="later",
        note=f"The small MLP: a program that starts itself, against torchrun and the same in Python. {LOADED}",
    )
    memory = Figure(
        "Memory of a worker, 2 processes", "MiB", [Pair(OWN, HUGGING_FACE, 3)], memory_of_workers, less_is_better=True,
        better="less", worse="more",
        note="Proportional set size of each worker at the end of training, the mean of both; launchers are left out. "
        f"{LOADED}",
    )
    title = f"{first_step.title}; memory of a worker"
    yield Workload("start", title, programs, [first_step, memory], cores=2, tolerance=SAME_ARITHMETIC)


def launch(_):
    own = ["bazel-bin/launcher/accelerate", "launch", "--num_machines=1", "--cpu"]
    peer = [PYTHON, "-m", "accelerate.commands.launch", "--no_python"]
    alone, own_1, own_2 = "`true` by itself", f"{OWN}, 1 process", f"{OWN}, 2 processes"
    peer_1, peer_2 = f"{HUGGING_FACE}, 1 process", f"{HUGGING_FACE}, 2 processes"
    programs = {
        alone: Program(["true"]),
        own_1: Program([*own, "--num_processes=1", "true"]),
        own_2: Program([*own, "--num_processes=2", "true"]),
        peer_1: Program([*peer, "--cpu", "--num_processes=1", "true"]),
        # Which starts two processes only for GPUs, whether there are any or not.
        peer_2: Program([*peer, "--multi_gpu", "--num_processes=2", "true"]),
    }
    figure = Figure(
        "What `accelerate launch` adds to a program", "ms", [Pair(own_1, peer_1, 100), Pair(own_2, peer_2, 100)],
        lambda run: 1000 * run.seconds, less_is_better=True, better="less", worse="more", baseline=alone,
        note="The time of the program `true`, less its time without a launcher.",
    )
    yield Workload("launch", figure.title, programs, [figure], cores=2)


KEYS = {"mlp": mlp, "mlp_2": mlp_2, "my_model": my_model, "gpt": gpt, "start": start, "launch": launch}


def chosen(keys, quick):
    """The workloads of these keys, of all where none is named."""
    return [workload for key in keys or KEYS for workload in KEYS[key](quick)]

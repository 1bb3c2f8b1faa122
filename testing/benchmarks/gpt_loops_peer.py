"""The Python side of gpt_loops.cc: the same GPT-2, weights, tokens and AdamW, by Hugging Face Accelerate.

    gpt_loops_peer.py --loop=eager|compile --device=cuda|cpu --mixed_precision=no|bf16 --steps=20 --layers=12 ...

compile is the model under torch.compile. Prints `X tokens/s` over the steps, after as many that are not timed, and the
first loss.
"""

import argparse
import math
import pathlib
import sys
import time

import torch
from accelerate import Accelerator

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "recordings"))
import record_char_gpt as twin

BATCHES = 4


def draw_weights(model):
    """As train/gpt.cc does."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith(".bias"):
                parameter.zero_()
            if parameter.dim() < 2:
                continue
            is_added = name.endswith((".projection.weight", ".contract.weight"))
            parameter.normal_(std=0.02 / math.sqrt(2 * twin.OPTIONS["layers"]) if is_added else 0.02)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ["loop", "device", "mixed_precision"]:
        parser.add_argument(f"--{name}", required=True)
    for name in ["vocabulary", "layers", "heads", "width", "block", "batch_size", "steps"]:
        parser.add_argument(f"--{name}", type=int, required=True)
    options = parser.parse_args()
    twin.OPTIONS.update(vars(options), lr=3e-4, weight_decay=0.1)

    if options.device == "cpu":
        torch.set_num_threads(1)
    torch.manual_seed(0)
    accelerator = Accelerator(cpu=options.device == "cpu", mixed_precision=options.mixed_precision)
    shape = (BATCHES, options.batch_size, options.block + 1)
    tokens = torch.randint(0, options.vocabulary, shape).to(accelerator.device)
    model = twin.Gpt(options.vocabulary)
    draw_weights(model)
    optimizer = twin.make_optimizer(model, fused=True)
    if options.loop == "compile":
        model = torch.compile(model)
    model, optimizer = accelerator.prepare(model, optimizer)

    for step in range(2 * options.steps):
        batch = tokens[step % BATCHES]
        optimizer.zero_grad()
        logits = model(batch[:, :-1])
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten())
        accelerator.backward(loss)
        optimizer.step()
        # Reading the loss waits for the device.
        if step == 0:
            first_loss = loss.item()
        if step + 1 == options.steps:
            loss.item()
            begin = time.perf_counter()
    loss.item()
    speed = options.steps * options.batch_size * options.block / (time.perf_counter() - begin)
    print(f"{speed:.6g} tokens/s, first loss {first_loss:.9g}")


main()

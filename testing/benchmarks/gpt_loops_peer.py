"""The Python side of gpt_loops.cc: the same GPT-2, weights, tokens and AdamW, by Hugging Face Accelerate.

    gpt_loops_peer.py --loop=eager|compile --device=cuda|cpu --mixed_precision=no|bf16 --steps=20 --layers=12 ...

compile is the model under torch.compile. Prints what stopwatch.py says, after as many steps that are not timed.
"""

import argparse

import torch
from accelerate import Accelerator

import gpt_twin
import stopwatch

BATCHES = 4


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ["loop", "device", "mixed_precision"]:
        parser.add_argument(f"--{name}", required=True)
    for name in ["vocabulary", "layers", "heads", "width", "block", "batch_size", "steps"]:
        parser.add_argument(f"--{name}", type=int, required=True)
    options = parser.parse_args()

    if options.device == "cpu":
        torch.set_num_threads(1)
    torch.manual_seed(0)
    accelerator = Accelerator(cpu=options.device == "cpu", mixed_precision=options.mixed_precision)
    shape = (BATCHES, options.batch_size, options.block + 1)
    tokens = torch.randint(0, options.vocabulary, shape).to(accelerator.device)
    model, optimizer = gpt_twin.make(options.vocabulary, dict(vars(options), lr=3e-4, weight_decay=0.1), fused=True)
    if options.loop == "compile":
        model = torch.compile(model)
    model, optimizer = accelerator.prepare(model, optimizer)

    tokens_in_step = options.batch_size * options.block
    watch = stopwatch.Stopwatch(options.steps, options.steps, amount=tokens_in_step, unit="tokens")
    for step in range(watch.total):
        batch = tokens[step % BATCHES]
        optimizer.zero_grad()
        logits = model(batch[:, :-1])
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten())
        accelerator.backward(loss)
        optimizer.step()
        watch.after_step(loss)


main()

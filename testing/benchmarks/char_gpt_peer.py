"""The Python side of train/char_gpt.cc: the same model, weights, text and schedule, by Hugging Face Accelerate.

    char_gpt_peer.py --data=TEXT --steps=120 --log_every=60 --mixed_precision=no|bf16 [--compile]

Prints the loss of each step, and the speed over each --log_every steps. --compile puts the model under torch.compile.
"""

import argparse
import pathlib
import time

import torch
from accelerate import Accelerator

import gpt_twin

# The defaults of char_gpt's flags.
BATCH, SEED = 16, 42
OPTIONS = {"layers": 2, "heads": 4, "width": 128, "block": 64, "lr": 3e-3, "warmup_steps": 100, "weight_decay": 0.1}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--log_every", type=int, required=True)
    parser.add_argument("--mixed_precision", default="no")
    parser.add_argument("--compile", action="store_true")
    options = parser.parse_args()

    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    accelerator = Accelerator(cpu=True, mixed_precision=options.mixed_precision)
    text = pathlib.Path(options.data).read_text()
    number = {character: i for i, character in enumerate(sorted(set(text)))}
    windows = torch.tensor([number[c] for c in text]).unfold(0, OPTIONS["block"] + 1, 1).contiguous()
    model, optimizer = gpt_twin.make(len(number), dict(OPTIONS, steps=options.steps))
    loader = torch.utils.data.DataLoader(windows, batch_size=BATCH)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, gpt_twin.rate_factor)
    if options.compile:
        model = torch.compile(model)
    model, optimizer, loader, scheduler = accelerator.prepare(model, optimizer, loader, scheduler)

    step = tokens = 0
    begin = time.perf_counter()
    while step < options.steps:
        for batch in loader:
            optimizer.zero_grad()
            logits = model(batch[:, :-1])
            loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten())
            accelerator.backward(loss)
            optimizer.step()
            scheduler.step()
            step += 1
            tokens += BATCH * OPTIONS["block"]
            accelerator.print(f"loss {loss.item():.9g}", flush=True)
            if step % options.log_every == 0:
                now = time.perf_counter()
                accelerator.print(f"step {step} loss {loss.item():.4g}, {round(tokens / (now - begin))} tokens/s")
                begin, tokens = now, 0
            if step == options.steps:
                break


main()

"""The Python side of compare.py's gpt: the model of train/char_gpt at its usual size, by Hugging Face Accelerate.

    gpt_peer.py STEPS no|bf16

Prints `X tokens/s` over STEPS steps, after as many that are not timed.
"""

import pathlib
import sys
import time

import torch
from accelerate import Accelerator

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "testing/recordings"))
import record_char_gpt as twin

BATCH = 16
# The defaults of char_gpt's flags.
twin.OPTIONS.update(layers=2, heads=4, width=128, block=64, lr=3e-3, warmup_steps=100, weight_decay=0.1)


def main():
    torch.set_num_threads(1)
    torch.manual_seed(0)
    steps = int(sys.argv[1])
    accelerator = Accelerator(cpu=True, mixed_precision=sys.argv[2])
    text = (twin.TESTDATA / "char_gpt_text.txt").read_text()
    number = {character: i for i, character in enumerate(sorted(set(text)))}
    windows = torch.tensor([number[c] for c in text]).unfold(0, twin.OPTIONS["block"] + 1, 1).contiguous()
    model = twin.Gpt(len(number))
    optimizer = twin.make_optimizer(model)
    loader = torch.utils.data.DataLoader(windows, batch_size=BATCH)
    twin.OPTIONS["steps"] = 2 * steps
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, twin.rate_factor)
    model, optimizer, loader, scheduler = accelerator.prepare(model, optimizer, loader, scheduler)
    step = 0
    begin = 0.0
    while step < 2 * steps:
        for batch in loader:
            optimizer.zero_grad()
            logits = model(batch[:, :-1])
            accelerator.backward(
                torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten())
            )
            optimizer.step()
            scheduler.step()
            step += 1
            if step == steps:
                begin = time.perf_counter()
            if step == 2 * steps:
                break
    print(round(steps * BATCH * twin.OPTIONS["block"] / (time.perf_counter() - begin)), "tokens/s")


main()

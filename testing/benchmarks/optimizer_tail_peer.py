"""The Python side of optimizer_tail.cc: GradScaler, clip_grad_norm_ and AdamW(fused=True) over the same parameters.

    optimizer_tail_peer.py --device=cuda|cpu --steps=100 --layers=12 ...

Prints what stopwatch.py says, after 5 steps that are not timed, and in the place of the first loss what
optimizer_tail.cc prints there; and with --count only how many parameters there are.
"""

import argparse

import torch

import stopwatch

WARM_UP = 5


def shapes(options):
    width = options.width
    yield options.vocabulary, width
    yield options.block, width
    for _ in range(options.layers):
        for out, into in [(3 * width, width), (width, width), (4 * width, width), (width, 4 * width)]:
            yield out, into
            yield (out,)
        yield from [(width,)] * 4
    yield from [(width,)] * 2


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--count", action="store_true")
    parser.add_argument("--steps", type=int, default=100)
    for name in ["vocabulary", "layers", "width", "block"]:
        parser.add_argument(f"--{name}", type=int, required=True)
    options = parser.parse_args()
    if options.count:
        return print(sum(torch.Size(shape).numel() for shape in shapes(options)))

    if options.device == "cpu":
        torch.set_num_threads(1)
    parameters = [torch.nn.Parameter(torch.full(shape, 0.5, device=options.device)) for shape in shapes(options)]
    gradients = [torch.full_like(each, 0.25) for each in parameters]
    optimizer = torch.optim.AdamW(parameters, lr=1e-3, fused=True)
    scaler = torch.amp.GradScaler(options.device)
    # Which makes the scale.
    scaler.scale(torch.zeros((), device=options.device))
    # From the second step on the gradients are what the first left of them, which is as much work.
    watch = stopwatch.Stopwatch(WARM_UP, options.steps)
    for step in range(watch.total):
        for parameter, gradient in zip(parameters, gradients):
            parameter.grad = gradient
        scaler.unscale_(optimizer)
        norm = torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad()
        watch.after_step(norm * parameters[0][0, 0] if step == 0 else norm)


main()

"""train/gpt.h in PyTorch: the model that record_char_gpt.py has, with the weights that train/gpt.cc draws."""

import math
import pathlib
import sys

import torch

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "recordings"))
import record_char_gpt as twin


def make(vocabulary, options, **of_optimizer):
    """A model, and AdamW over its two groups. `options` as in record_char_gpt.OPTIONS."""
    twin.OPTIONS.update(options)
    model = twin.Gpt(vocabulary)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith(".bias"):
                parameter.zero_()
            if parameter.dim() < 2:
                continue
            is_added = name.endswith((".projection.weight", ".contract.weight"))
            parameter.normal_(std=0.02 / math.sqrt(2 * twin.OPTIONS["layers"]) if is_added else 0.02)
    return model, twin.make_optimizer(model, **of_optimizer)


def rate_factor(step):
    return twin.rate_factor(step)

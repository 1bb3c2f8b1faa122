"""Records how plain PyTorch trains the model of train/char_gpt.cc.

Writes, for train/char_gpt_test.cc, two files into train/testdata: char_gpt_weights.pt, a dict of
the initial weights under the names that the C++ model has for them, and char_gpt_losses.json, the
losses of the first steps from there on char_gpt_text.txt, which was written for this, in fp32 on
one thread. Recorded with Python 3.11 and PyTorch 2.11.0 (CPU). To run, from the root of the
repository:

    python -m venv /tmp/venv && /tmp/venv/bin/pip install torch==2.11.0 numpy
    /tmp/venv/bin/python testing/recordings/record_char_gpt.py

The weights differ from those that GPT-2 would begin with: biases and norms are drawn too, so that
none can be mistaken for another. char_gpt_losses.json holds:

    torch     the version
    options   the program's flags; batch_size is that of all processes together
    losses    of the steps, the pieces of text taken in order
    shuffled  the same in the order of a shuffle with the seed in options
"""

import json
import math
import pathlib

import torch
from torch import nn
from torch.nn import functional as F

TESTDATA = pathlib.Path(__file__).parents[2] / "train/testdata"

OPTIONS = {
    "layers": 2,
    "heads": 2,
    "width": 32,
    "block": 32,
    "dropout": 0.0,
    "batch_size": 8,
    "steps": 20,
    "lr": 0.01,
    "warmup_steps": 4,
    "weight_decay": 0.5,
    "seed": 3,
}


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.projection = nn.Linear(width, width)

    def forward(self, features):
        query, key, value = (
            part.unflatten(2, (self.heads, -1)).transpose(1, 2)
            for part in self.qkv(features).chunk(3, dim=2)
        )
        mixed = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        return self.projection(mixed.transpose(1, 2).flatten(2))


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.attention_norm = nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.mlp_norm = nn.LayerNorm(width)
        self.expand = nn.Linear(width, 4 * width)
        self.contract = nn.Linear(4 * width, width)

    def forward(self, features):
        features = features + self.attention(self.attention_norm(features))
        hidden = F.gelu(self.expand(self.mlp_norm(features)), approximate="tanh")
        return features + self.contract(hidden)


class Gpt(nn.Module):
    def __init__(self, vocabulary):
        super().__init__()
        width, heads, block = (OPTIONS[name] for name in ("width", "heads", "block"))
        self.token_embedding = nn.Embedding(vocabulary, width)
        self.position_embedding = nn.Embedding(block, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(OPTIONS["layers"]))
        self.norm = nn.LayerNorm(width)

    def forward(self, characters):
        positions = torch.arange(characters.shape[1], device=characters.device)
        features = self.token_embedding(characters) + self.position_embedding(positions)
        for block in self.blocks:
            features = block(features)
        return F.linear(self.norm(features), self.token_embedding.weight)


def draw_weights(model):
    generator = torch.Generator().manual_seed(OPTIONS["seed"])
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.normal_(std=0.08, generator=generator)
            if "norm" in name and name.endswith("weight"):
                parameter.add_(1)


def make_optimizer(model, **more):
    matrices = [p for p in model.parameters() if p.dim() >= 2]
    others = [p for p in model.parameters() if p.dim() < 2]
    groups = [
        {"params": matrices, "weight_decay": OPTIONS["weight_decay"]},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=OPTIONS["lr"], betas=(0.9, 0.95), **more)


def rate_factor(step):
    """That of transformers.get_cosine_schedule_with_warmup."""
    warmup = OPTIONS["warmup_steps"]
    if step < warmup:
        return step / warmup
    progress = (step - warmup) / max(1, OPTIONS["steps"] - warmup)
    return max(0.0, 0.5 * (1.0 + math.cos(math.pi * progress)))


def train(weights, windows, order):
    model = Gpt(len(weights["token_embedding.weight"]))
    model.load_state_dict(weights)
    optimizer = make_optimizer(model)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, rate_factor)
    losses = []
    for rows in order.split(OPTIONS["batch_size"])[: OPTIONS["steps"]]:
        batch = windows[rows]
        optimizer.zero_grad()
        loss = F.cross_entropy(model(batch[:, :-1]).flatten(0, 1), batch[:, 1:].flatten())
        loss.backward()
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())
    return losses


def main():
    assert torch.__version__.split("+")[0] == "2.11.0", torch.__version__
    torch.set_num_threads(1)
    text = (TESTDATA / "char_gpt_text.txt").read_bytes().decode()
    number = {character: i for i, character in enumerate(sorted(set(text)))}
    windows = torch.tensor([number[c] for c in text]).unfold(0, OPTIONS["block"] + 1, 1)

    model = Gpt(len(number))
    draw_weights(model)
    weights = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    torch.save(weights, TESTDATA / "char_gpt_weights.pt")

    shuffle = torch.Generator().manual_seed(OPTIONS["seed"])
    recording = {
        "torch": "2.11.0",
        "options": OPTIONS,
        "losses": train(weights, windows, torch.arange(len(windows))),
        "shuffled": train(weights, windows, torch.randperm(len(windows), generator=shuffle)),
    }
    out = TESTDATA / "char_gpt_losses.json"
    out.write_text(json.dumps(recording, indent=1) + "\n")
    print(f"{out}: losses {recording['losses'][0]:.4f} to {recording['losses'][-1]:.4f}")


if __name__ == "__main__":
    main()

"""The Python side of train/my_model.cc: the same program, as its user would write it with Hugging Face Accelerate.

    my_model_peer.py --data=train/data/digits.csv --epochs=15
"""

import argparse

import numpy as np
import torch
from accelerate import Accelerator, DataLoaderConfiguration
from torch.nn import functional as F

BATCH, RATE, SEED = 32, 4e-3, 42


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.convolution1 = torch.nn.Conv2d(1, 16, 3, padding=1)
        self.norm = torch.nn.BatchNorm2d(16)
        self.convolution2 = torch.nn.Conv2d(16, 32, 3, padding=1)
        self.classifier = torch.nn.Linear(32 * 4 * 4, 10)

    def forward(self, images):
        features = F.relu(self.norm(self.convolution1(images)))
        features = F.max_pool2d(F.relu(self.convolution2(features)), 2)
        return self.classifier(features.flatten(1))


def read_digits(file):
    """Training and test set, split as digits.cc does it."""
    rows = torch.from_numpy(np.loadtxt(file, delimiter=",", dtype=np.float32))
    images, labels = (rows[:, :64] / 16).view(-1, 1, 8, 8), rows[:, 64].long()
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(SEED))
    first = int(0.8 * len(rows))
    return (torch.utils.data.TensorDataset(images[part], labels[part]) for part in (order[:first], order[first:]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--epochs", type=int, default=15)
    options = parser.parse_args()

    # The order of batches that the C++ loader has.
    order = DataLoaderConfiguration(use_seedable_sampler=True, data_seed=SEED)
    accelerator = Accelerator(cpu=True, dataloader_config=order)
    train_set, test_set = read_digits(options.data)
    torch.manual_seed(SEED)
    net = Net()
    adamw = torch.optim.AdamW(net.parameters(), lr=RATE)
    model, optimizer, loader, test_loader = accelerator.prepare(
        net,
        adamw,
        torch.utils.data.DataLoader(train_set, batch_size=BATCH, shuffle=True),
        torch.utils.data.DataLoader(test_set, batch_size=BATCH),
    )
    total_steps = options.epochs * len(loader) * accelerator.num_processes
    scheduler = accelerator.prepare(
        torch.optim.lr_scheduler.LambdaLR(adamw, lambda step: 0.5 * (1 + np.cos(np.pi * step / total_steps)))
    )

    for epoch in range(1, options.epochs + 1):
        model.train()
        total_loss = torch.zeros((), device=accelerator.device)
        for images, labels in loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(images), labels)
            accelerator.backward(loss)
            optimizer.step()
            scheduler.step()
            total_loss += loss.detach()
        loss = accelerator.reduce(total_loss / len(loader), "mean")
        accelerator.print(f"epoch {epoch} loss {loss.item():.6g}", flush=True)

    model.eval()
    correct = total = 0
    with torch.no_grad():
        for images, labels in test_loader:
            predicted, label = accelerator.gather_for_metrics((model(images).argmax(1), labels))
            correct += (predicted == label).sum().item()
            total += len(label)
    accelerator.print(f"test accuracy {correct / total:.3f}")


main()

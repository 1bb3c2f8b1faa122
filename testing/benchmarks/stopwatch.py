"""stopwatch.h for the Python side: times the steps of a training loop after a warm-up, for rounds.py to read."""

import time


class Stopwatch:
    """Prints `first loss X`, `losses X X ...` and `X steps/s, last loss X`, each as soon as it is known.

    amount: of `unit` in a step. losses: how many of the first are printed, at most warm_up. speaks: False on all
    processes but one.
    """

    def __init__(self, warm_up, steps, amount=1, unit="steps", losses=0, speaks=True):
        if losses > warm_up:
            raise ValueError(f"{losses} losses would be read in steps that are timed; ask for at most {warm_up}")
        self.warm_up, self.total = warm_up, warm_up + steps
        self.per_run, self.unit = steps * amount, unit
        self.losses, self.speaks = losses, speaks
        self.taken, self.first_losses, self.begin = 0, [], 0.0

    def after_step(self, loss):
        self.taken += 1
        # Reading the loss waits for the device.
        if self.taken == 1:
            self.say(f"first loss {loss.item():.9g}")
        if self.taken <= self.losses:
            self.first_losses.append(f"{loss.item():.9g}")
            if self.taken == self.losses:
                self.say(f"losses {' '.join(self.first_losses)}")
        if self.taken not in (self.warm_up, self.total):
            return
        last_loss = loss.item()
        now = time.perf_counter()
        if self.taken == self.total:
            self.say(f"{self.per_run / (now - self.begin):.9g} {self.unit}/s, last loss {last_loss:.9g}")
        self.begin = now

    def say(self, line):
        if self.speaks:
            print(line, flush=True)

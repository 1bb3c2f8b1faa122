"""An axis of ratios, on which twice as much and half as much are as far from 1."""

import math

MOST_TICKS = 7


class LogAxis:
    """From below the least to above the greatest of the values, and of 1, which is always on it."""

    def __init__(self, values):
        # With some room, and never so narrow that noise looks like a difference.
        self.low = min([*values, 1 / 1.1]) / 1.1
        self.high = max([*values, 1.1]) * 1.1

    def place(self, value):
        """From 0, at the low end, to 1."""
        return math.log(value / self.low) / math.log(self.high / self.low)

    def ticks(self):
        """The finest of several scales that is not crowded."""
        scales = [[1, 1.1, 1.2, 1.5, 2, 3, 4, 5, 6, 7, 8, 9], [1, 1.5, 2, 3, 5, 7], [1, 2, 5], [1, 3], [1]]
        for scale in scales:
            values = [round(digit * 10.0**power, 9) for power in range(-3, 7) for digit in scale]
            found = [value for value in values if self.low <= value <= self.high]
            if len(found) <= MOST_TICKS:
                return found
        return found

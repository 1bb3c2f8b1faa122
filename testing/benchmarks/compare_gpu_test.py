#!/usr/bin/env python3
"""What compare_gpu.py makes of programs that are made up."""

import argparse
import contextlib
import io
import os
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path("testing/benchmarks").resolve()))
import compare_gpu
import rounds

OPTIONS = argparse.Namespace(rounds=3)


def says(text, code=0):
    return ["sh", "-c", f"echo '{text}'; exit {code}"]


def table(peers, own="8 steps/s, first loss 2.5, last loss 1", **more):
    comparison = compare_gpu.Comparison("a title", "steps/s", 0.01, {"this project": says(own)}, peers, **more)
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        good = compare_gpu.compare(comparison, OPTIONS, os.environ, bandwidth=100)
    return output.getvalue(), good


class CompareGpuTest(unittest.TestCase):
    def test_shows_medians_and_ratios_and_what_is_lost(self):
        text, good = table({"slow": says("4 steps/s, first loss 2.51"), "quick": says("10 steps/s, first loss 2.5")})
        self.assertIn("| program | steps/s | this project is faster by |\n", text)
        self.assertIn("| this project | 8 |  |\n", text)
        self.assertIn("| slow | 4 | 2.00 (2.00 to 2.00) |\n", text)
        self.assertIn("| quick | 10 | 0.80 (0.80 to 0.80), lost |\n", text)
        self.assertTrue(good)

    def test_gives_the_share_of_the_bandwidth(self):
        text, _ = table({"slow": says("4 steps/s, first loss 2.5")}, bytes=10)
        self.assertIn("| program | steps/s | of the memory bandwidth | this project is faster by |\n", text)
        self.assertIn("| this project | 8 | 80% |  |\n", text)
        self.assertIn("| slow | 4 | 40% | 2.00 (2.00 to 2.00) |\n", text)

    def test_compares_no_other_work(self):
        text, good = table({"other": says("4 steps/s, first loss 2.6")})
        self.assertIn("| other | other work: its first loss is 2.6, and this project's is 2.5 | |\n", text)
        self.assertFalse(good)

    def test_goes_on_without_what_fails(self):
        text, good = table({"broken": says("no compiler", code=3), "slow": says("4 steps/s, first loss 2.5")})
        self.assertIn("| broken | failed: no compiler | |\n| slow | 4 | 2.00", text)
        self.assertFalse(good)

    def test_takes_ratios_within_a_round(self):
        self.assertEqual(rounds.ratio([2, 6, 8], [1, 2, 1]), "3.00 (2.00 to 8.00)")


if __name__ == "__main__":
    unittest.main()

#!/usr/bin/env python3
"""What compare.py makes of programs that are made up, and of numbers that were recorded."""

import contextlib
import html.parser
import io
import os
import pathlib
import re
import sys
import tempfile
import unittest
import unittest.mock

sys.path.insert(0, str(pathlib.Path("testing/benchmarks").resolve()))
import compare
import comparison
import html_report
import log_axis
import markdown_report
import peers
import report
import rounds
import workloads

LOSSES = "losses 2.5 2.25"


def says(text, code=0, errors=""):
    return ["sh", "-c", f"printf '{text}\\n'; printf '{errors}' >&2; exit {code}"]


def table(programs, pairs, tolerance=1e-3, pairs_of_runs=3, **figure):
    figure = {"read": workloads.speed("steps"), **figure}
    made = comparison.Figure("A title", "steps/s", pairs, **figure)
    workload = comparison.Workload("key", "A title", programs, [made], tolerance=tolerance)
    measured = rounds.measure(
        {name: program.command for name, program in programs.items()}, pairs_of_runs, os.environ,
        check=lambda name, run: compare.check(workload, name, run),
    )
    return comparison.table_of(workload, made, measured, {name: "typed" for name in programs})


def programs(**commands):
    return {name: comparison.Program(command) for name, command in commands.items()}


def verdict(row):
    return report.verdict(RECORDED.tables[0], row)


def rows_against(peer, **options):
    own = says(f"{LOSSES}\\n8 steps/s, last loss 1")
    return table(programs(own=own, peer=peer), [comparison.Pair("own", "peer", 1.5)], **options).rows


class RunsTest(unittest.TestCase):
    def test_takes_the_time_of_each_line(self):
        ended = rounds.run(["sh", "-c", "echo a; sleep 0.2; echo b"], os.environ)
        (first, a), (second, b) = ended.lines
        self.assertEqual((a, b), ("a", "b"))
        self.assertGreaterEqual(second - first, 0.1)

    def test_runs_programs_in_turn(self):
        heard = []
        commands = {"a": says("1 x/s"), "b": says("1 x/s")}
        rounds.measure(commands, 2, os.environ, tell=heard.append)
        self.assertEqual(heard, ["a", "b", "a", "b"])

    def test_leaves_out_what_failed_and_says_its_last_line(self):
        commands = {"bad": says("", 3, "error: no such thing\\n-----\\n"), "good": says("1 x/s")}
        heard = []
        measured = rounds.measure(commands, 2, os.environ, tell=heard.append)
        self.assertEqual(heard, ["bad", "good", "good"])
        self.assertEqual(measured.failures, {"bad": "no such thing"})
        self.assertEqual(len(measured.of["good"]), 2)

    def test_shows_a_missing_program_as_failed(self):
        measured = rounds.measure({"none": ["/no/such/program"]}, 1, os.environ)
        self.assertIn("/no/such/program", measured.failures["none"])

    def test_stops_what_hangs_and_all_that_it_started(self):
        with self.assertRaisesRegex(rounds.Failure, "stopped after 0.2 s"):
            rounds.run(["sh", "-c", "sleep 600 & sleep 600"], os.environ, limit=0.2)


class ComparisonTest(unittest.TestCase):
    def test_compares_within_a_round(self):
        self.assertEqual(rounds.Spread.of_ratios([2, 6, 8], [1, 2, 1]), rounds.Spread(3, 2, 8))

    def test_shows_a_row_that_meets_its_goal(self):
        (row,) = rows_against(says(f"{LOSSES}\\n4 steps/s"))
        self.assertEqual((row.ratio.median, row.difference, verdict(row)), (2, 0, "goal met"))

    def test_shows_a_row_that_is_slower(self):
        (row,) = rows_against(says(f"{LOSSES}\\n16 steps/s"))
        self.assertTrue(row.is_behind)
        self.assertEqual(verdict(row), "slower, goal missed")

    def test_several_processes_may_be_slower_than_one(self):
        pair = comparison.Pair("two", "one", 0.8, par=0.8)
        for speed, shown, is_behind in [(9, "goal met", False), (7, "goal missed", True)]:
            (row,) = table(programs(two=says(f"{speed} steps/s"), one=says("10 steps/s")), [pair], tolerance=None).rows
            self.assertEqual((verdict(row), row.is_behind, row.is_of_scaling), (shown, is_behind, True))

    def test_smaller_is_better_where_it_is(self):
        (row,) = rows_against(says(f"{LOSSES}\\n16 steps/s"), less_is_better=True)
        self.assertEqual(row.ratio.median, 2)

    def test_takes_off_the_baseline(self):
        made = programs(own=says("3 steps/s"), peer=says("12 steps/s"), alone=says("2 steps/s"))
        (row,) = table(made, [comparison.Pair("own", "peer")], None, less_is_better=True, baseline="alone").rows
        self.assertEqual((row.own_value, row.peer_value, row.ratio.median), (1, 10, 10))
        made = programs(own=says("2 steps/s"), peer=says("12 steps/s"), alone=says("2 steps/s"))
        (row,) = table(made, [comparison.Pair("own", "peer")], None, less_is_better=True, baseline="alone").rows
        self.assertEqual(row.problem, "failed: takes no longer than alone; the machine is too noisy")

    def test_does_not_pass_over_other_losses(self):
        for losses in ["losses 2.5 2.3", "losses 2.5 nan", "losses 2.5", "no losses"]:
            (row,) = rows_against(says(f"{losses}\\n4 steps/s"))
            self.assertIn("other work: losses differ by", verdict(row))
        (row,) = rows_against(says("losses 2.5 2.2501\\n4 steps/s"))
        self.assertAlmostEqual(row.difference, 0.0001 / 2.25, places=5)
        self.assertEqual(verdict(row), "goal met")

    def test_finds_the_losses_of_all_programs(self):
        self.assertEqual(comparison.losses_in("first loss 9\nlosses 1 2\n5 steps/s, last loss 9"), [1, 2])
        self.assertEqual(comparison.losses_in("loss 1\nstep 1 loss 9, 5 tokens/s\nloss 2"), [1, 2])
        self.assertEqual(comparison.losses_in("epoch 1 loss 1\nepoch 2 loss 2\ntest accuracy 1"), [1, 2])

    def test_goes_on_without_what_fails(self):
        (row,) = rows_against(says("", 1, "no compiler"))
        self.assertEqual(verdict(row), "failed: no compiler")
        (row,) = rows_against(says("all is well"))
        self.assertEqual(verdict(row), "failed: printed no steps/s: all is well")

    def test_takes_no_plain_step_for_a_captured_one(self):
        warning = "[W] Warning: this step is not captured and runs as it is: no GPU (function f)"
        warned = says("8 steps/s", errors=warning)
        made = programs(own=[*warned, "--capture"], peer=says("4 steps/s"))
        (row,) = table(made, [comparison.Pair("own", "peer")], None).rows
        self.assertEqual(row.problem, "failed: this step is not captured and runs as it is: no GPU")

    def test_reads_start_memory_and_epochs(self):
        run = rounds.Run([(0.5, "first loss 2"), (1.0, "epoch 1 loss 2"), (2.0, "epoch 2 loss 1")], 3)
        self.assertEqual(workloads.seconds_to_first_step(run), 0.5)
        self.assertEqual(workloads.images_per_second(run), workloads.TRAINING_IMAGES)
        self.assertEqual(workloads.memory_of_workers(rounds.Run([(1, "20 MiB PSS"), (1, "40 MiB PSS")], 1)), 30)
        for read in [workloads.memory_of_workers, workloads.images_per_second, workloads.seconds_to_first_step]:
            with self.assertRaises(rounds.Failure):
                read(rounds.Run([(1, "20 MiB PSS")], 1))


# Of each kind one.
RECORDED = report.Report(
    "A comparison",
    "bazel run it",
    {"processor": "a <fast> one"},
    [
        comparison.Table(
            "MLP with `jit`",
            "steps/s",
            "as fast",
            "slower",
            [
                comparison.Row("ours", "slow", 5.0, 1.0, 6000, 1000, rounds.Spread(6, 5.5, 6.25), 1e-7),
                comparison.Row("ours", "quick", 1.3, 1.0, 6000, 8000, rounds.Spread(0.75, 0.7, 0.8), 2e-7),
                comparison.Row("ours", "broken | pipe", problem="failed: no <compiler>"),
                comparison.Row("this project, captured", "slow", None, 1.0, 9000, 1000, rounds.Spread(9, 8, 10), 0.0),
                comparison.Row("two", "one", 0.8, 0.8, 9, 10, rounds.Spread(0.9, 0.85, 0.95)),
            ],
            {"ours": "run ours & go </script>"},
            "A sentence. Another one.",
        ),
        comparison.Table(
            "All failed", "s", "sooner", "later", [comparison.Row("a", "b", problem="failed: no")], {},
            "Another one. Something new.",
        ),
    ],
)


class Elements(html.parser.HTMLParser):
    """Checks that all that is opened is closed, and collects classes and addresses."""

    def __init__(self, page):
        super().__init__()
        self.open, self.classes, self.addresses = [], [], []
        self.feed(page)
        assert not self.open, self.open

    def handle_starttag(self, tag, attributes):
        if tag != "meta":
            self.open.append(tag)
        for name, value in attributes:
            (self.classes if name == "class" else self.addresses if name in ["src", "href"] else []).append(value)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag


class ReportTest(unittest.TestCase):
    def test_sums_up_in_sentences(self):
        self.assertEqual(RECORDED.summary, (
            "This project is ahead in 2 of 3 comparisons with other software. Slower: 0.75× quick (MLP with `jit`). "
            "Each of several processes runs at 0.90× to 0.90× the speed of one alone; 1 of 1 rows meet their goal of "
            "0.8×. 2 without a figure."
        ))

    def test_writes_tables_in_markdown(self):
        text = markdown_report.write(RECORDED, "cpu.html")
        self.assertIn("| ours | slow | 6,000 | 1,000 | 6.00× (5.50 to 6.25) | 5× | goal met | 1e-07 |\n", text)
        self.assertIn("| 0.75× (0.70 to 0.80) | 1.3× | **slower, goal missed** | 2e-07 |\n", text)
        self.assertIn("| ours | broken \\| pipe |  |  |  |  | **failed: no <compiler>** |  |\n", text)
        self.assertIn("run ours & go", text)

    def test_begins_with_the_verdict_and_one_chart(self):
        text = markdown_report.write(RECORDED, "cpu.html")
        self.assertLess(text.index("is ahead in"), text.index("Against slow"))
        self.assertLess(text.index("Against slow"), text.index("## MLP"))
        self.assertLess(text.index("## MLP"), text.index("a <fast> one"))
        page = html_report.write(RECORDED)
        self.assertLess(page.index("is ahead in"), page.index('class="overview"'))
        self.assertLess(page.index('class="overview"'), page.index("<h2>MLP"))
        self.assertEqual(list(RECORDED.overview), ["MLP with `jit`"])
        self.assertEqual([row.own for row in RECORDED.overview["MLP with `jit`"]], ["ours", "this project, captured"])

    def test_repeats_no_sentence_of_the_note_before(self):
        for text in [markdown_report.write(RECORDED, "cpu.html"), html_report.write(RECORDED).split(report.DATA[0])[0]]:
            self.assertEqual([text.count(each) for each in ["A sentence.", "Another one.", "Something new."]], [1] * 3)

    def test_draws_charts_of_characters(self):
        text = markdown_report.chart_of_table(RECORDED.tables[0])
        ticks, slow, quick, broken, captured, two, _ = text.splitlines()[1:]
        self.assertRegex(slow, r"^ours : slow +┊ +◇ ?─*●─* +6.00×$")
        self.assertRegex(quick, r"^ours : quick +─*○─* *┊ +◇ +0.75×$")
        self.assertRegex(captured, r"^this project, captured : slow +┊ +─*■─* +9.00×$")
        self.assertRegex(two, r"^two : one +◇─*●─*[┊┼] +0.90×$")
        self.assertEqual(broken.split("  ")[-1].strip(), "failed: no <compiler>")
        self.assertEqual(ticks.index("1×"), slow.index("┊"))

    def test_writes_a_whole_page_that_loads_nothing(self):
        page = html_report.write(RECORDED)
        found = Elements(page)
        self.assertEqual(found.addresses, [])
        self.assertNotIn("url(", page)
        self.assertEqual(re.findall('<li class="(own|captured|slower|problem)">', page),
                         ["own", "slower", "problem", "captured", "own", "problem"])
        self.assertIn("a &lt;fast&gt; one", page)
        self.assertIn("MLP with <code>jit</code>", page)
        self.assertIn("failed: no &lt;compiler&gt;", page)
        self.assertIn('<span class="verdict missed">slower, goal 1.3× missed</span>', page)

    def test_is_read_back_from_its_page(self):
        self.assertEqual(report.from_page(html_report.write(RECORDED)), RECORDED)
        self.assertIsNone(report.from_page("<html></html>"))

    def test_is_drawn_anew_without_a_run(self):
        with tempfile.TemporaryDirectory() as folder:
            page = pathlib.Path(folder) / "cpu.html"
            page.write_text(html_report.write(RECORDED))
            with contextlib.redirect_stdout(io.StringIO()):
                compare.redraw(page)
            self.assertEqual(page.read_text(), html_report.write(RECORDED))
            self.assertEqual((pathlib.Path(folder) / "cpu.md").read_text(), markdown_report.write(RECORDED, "cpu.html"))
            page.write_text("<html></html>")
            with self.assertRaisesRegex(SystemExit, "holds no figures"):
                compare.redraw(page)

    def test_twice_and_half_are_as_far_from_one(self):
        axis = log_axis.LogAxis([0.5, 2, 600])
        self.assertAlmostEqual(axis.place(2) - axis.place(1), axis.place(1) - axis.place(0.5))
        for values in [[], [1.02, 0.98], [0.1, 0.2], [5, 7], [20, 600], [0.01, 90000]]:
            axis = log_axis.LogAxis(values)
            self.assertIn(1, axis.ticks())
            self.assertLessEqual(len(axis.ticks()), log_axis.MOST_TICKS)
            self.assertTrue(all(0 < axis.place(value) < 1 for value in values))


class SameTorchTest(unittest.TestCase):
    def test_refuses_peers_with_another_torch(self):
        with self.assertRaisesRegex(peers.Refusal, "LibTorch 2.15.0, and the peers have torch 2.11.0.*=2.11.0 "):
            peers.refuse_another_torch("Python 3.11.2, torch 2.11.0, numpy 2.4.6", "2.15.0")

    def test_takes_the_same_and_what_is_not_known(self):
        peers.refuse_another_torch("Python 3.11.2, torch 2.15.0+cpu", "2.15.0")
        peers.refuse_another_torch("Python 3.11.2", "2.15.0")
        peers.refuse_another_torch("Python 3.11.2, torch 2.15.0", "")


class OptionsTest(unittest.TestCase):
    def refusal(self, *words):
        errors = io.StringIO()
        with contextlib.redirect_stderr(errors), self.assertRaises(SystemExit):
            compare.parse(words)
        return errors.getvalue()

    def test_refuses_what_makes_no_sense(self):
        self.assertIn("there is no workload lunch; use some of mlp,mlp_2,", self.refusal("--only=mlp,lunch"))
        self.assertIn("--pairs=4 tells nothing of the spread; use 5 or more", self.refusal("--pairs=4"))
        self.assertIn("use 1 or more", self.refusal("--pairs=0", "--quick"))
        self.assertIn("use one of them", self.refusal("--python=a", "--env=b"))
        self.assertIn("--name=a/b is no name of a file", self.refusal("--name=a/b"))

    def test_paths_are_those_of_whoever_typed_them(self):
        with unittest.mock.patch.dict(os.environ, BUILD_WORKING_DIRECTORY="/home"):
            options = compare.parse(["--out=docs", "--env=peers"])
        self.assertEqual((options.out, options.env), (pathlib.Path("/home/docs"), pathlib.Path("/home/peers")))

    def test_commands_are_typed_at_the_root_of_a_checkout(self):
        for workload in workloads.chosen([], quick=False):
            for program in workload.programs.values():
                real = compare.real(program.command, pathlib.Path("/peers/python"))
                self.assertTrue(all(isinstance(word, str) for word in real))
                self.assertNotIn("bazel-bin", " ".join(real))
                self.assertNotIn(workloads.PYTHON, real)

    def test_pairs_are_of_programs_that_are_there(self):
        for workload in workloads.chosen([], quick=True):
            for pair in [pair for figure in workload.figures for pair in figure.pairs]:
                self.assertLessEqual({pair.own, pair.peer}, set(workload.programs))


if __name__ == "__main__":
    unittest.main()

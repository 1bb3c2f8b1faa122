#!/usr/bin/env python3
"""Runs run.py in bundles of shell scripts, with a torch, an nvidia-smi and a compute-sanitizer that are made up."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

RUN = pathlib.Path("testing/gpu_bundle/run.py").resolve()

# What googletest writes of a case.
CASES = {
    "passed": "",
    "failed": '<failure message="no"/>',
    "skipped": '<skipped message="a.cc:1&#x0A;no GPU here"/>',
}


def googletest(*cases, code=0):
    report = "".join(f'<testcase name="a" status="run">{CASES[case]}</testcase>' for case in cases)
    report = f"<testsuites><testsuite>{report}</testsuite></testsuites>"
    return f"echo '{report}' > \"${{1#--gtest_output=xml:}}\"; echo $LD_LIBRARY_PATH; exit {code}"


class RunTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name).resolve()
        self.contents = {"torch": "2.11.0", "workspace": "accelerate", "example_flags": {"model": ["capture"]}}
        self.contents["test_environment"] = {}
        for kind in ["tests", "sanitized", "examples", "benchmarks", "programs"]:
            self.contents[kind] = {}
        self.script("bundle/run", RUN.read_text())
        for path in ["site/torch/lib", "site/nvidia/cu13/lib", "bundle/lib"]:
            (self.folder / path).mkdir(parents=True)
        self.install_torch("2.11.0")
        self.tool("ldd", "")
        self.tool("nvidia-smi", "exit 9")

    def script(self, path, text):
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(0o755)

    def tool(self, name, commands):
        self.script(f"tools/{name}", f"#!/bin/sh\n{commands}\n")

    def program(self, name, commands, *kinds):
        self.script(f"bundle/runfiles/accelerate/folder/{name}", f"#!/bin/sh\n{commands}\n")
        for kind in kinds:
            self.contents[kind][name] = f"folder/{name}"
        self.contents["test_environment"][name] = {"MODEL": "folder/model"}

    def install_torch(self, version):
        shutil.rmtree(self.folder / "site/torch.dist-info", ignore_errors=True)
        self.script("site/torch.dist-info/METADATA", f"Name: torch\nVersion: {version}\n")

    def run_bundle(self, *words):
        self.script("bundle/contents.json", json.dumps(self.contents))
        environment = dict(
            os.environ, PATH=f"{self.folder}/tools:{os.environ['PATH']}", PYTHONPATH=str(self.folder / "site")
        )
        # Without the packages of this machine.
        command = [sys.executable, "-S", self.folder / "bundle/run", *words]
        return subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True)

    def output(self, name):
        return (self.folder / "gpu_results" / name).read_text()

    def test_counts_cases_and_says_why_some_were_skipped(self):
        self.program("good_test", googletest("passed", "passed"), "tests")
        self.program("half_test", googletest("passed", "skipped", "skipped"), "tests")
        self.program("idle_test", googletest("skipped"), "tests")
        end = self.run_bundle()
        self.assertRegex(end.stdout, r"passed +good_test +2 passed +0 failed +0 skipped\n")
        self.assertRegex(end.stdout, r"PARTLY +half_test +1 passed +0 failed +2 skipped\n +2 skipped: no GPU here\n")
        self.assertRegex(end.stdout, r"SKIPPED +idle_test +0 passed +0 failed +1 skipped\n +1 skipped: no GPU here\n")
        self.assertIn("in all: 3 passed, 0 failed, 3 skipped\nwhat was skipped has not been shown to work", end.stdout)
        self.assertEqual(end.returncode, 77)

    def test_takes_no_skipped_test_for_a_passed_one(self):
        self.program("half_test", googletest("passed", "skipped"), "tests")
        self.assertEqual(self.run_bundle().returncode, 0)
        self.program("idle_test", googletest("skipped"), "tests")
        self.assertEqual(self.run_bundle().returncode, 77)

    def test_fails_with_a_case_and_with_a_program_that_dies(self):
        self.program("bad_test", googletest("passed", "failed", code=1), "tests")
        self.program("dying_test", "echo last words; kill -9 $$", "tests")
        end = self.run_bundle()
        self.assertRegex(end.stdout, r"FAILED +bad_test +1 passed +1 failed")
        self.assertRegex(end.stdout, r"FAILED +dying_test +0 passed +1 failed +0 skipped\n +ended with code -9; see ")
        self.assertEqual(self.output("dying_test.txt"), "last words\n")
        self.assertEqual(end.returncode, 1)

    def test_stops_what_takes_too_long(self):
        self.program("slow_test", "exec sleep 600", "tests")
        end = self.run_bundle("--timeout=0.1")
        self.assertIn("stopped after 0.1 s", end.stdout)
        self.assertEqual(end.returncode, 1)

    def test_loads_from_the_bundle_then_torch_then_nvidia(self):
        self.program("good_test", googletest("passed"), "tests")
        self.run_bundle()
        folders = [f"{self.folder}/{path}" for path in ["bundle/lib", "site/torch/lib", "site/nvidia/cu13/lib"]]
        self.assertTrue(self.output("good_test.txt").startswith(":".join(folders)))

    def test_sets_what_the_test_finds_in_its_environment(self):
        self.program("good_test", 'echo "model: $MODEL"', "tests")
        self.run_bundle()
        self.assertEqual(self.output("good_test.txt"), "model: folder/model\n")

    def test_wants_the_torch_that_programs_were_linked_with(self):
        self.install_torch("2.12.1+cu130")
        self.assertIn(f"need torch 2.11.0, and {sys.executable} has 2.12.1+cu130; install", self.run_bundle().stderr)
        shutil.rmtree(self.folder / "site/torch.dist-info")
        self.assertIn(f"{sys.executable} has none; install", self.run_bundle().stderr)

    def test_wants_the_libraries_of_this_cuda(self):
        self.program("good_test", googletest("passed"), "tests")
        self.tool("ldd", "echo 'libcudart.so.13 => not found'")
        end = self.run_bundle()
        self.assertIn("folder/good_test loads libcudart.so.13, in neither torch nor", end.stderr)
        self.assertEqual(end.returncode, 1)

    def test_runs_what_was_named(self):
        self.program("good_test", googletest("passed"), "tests")
        self.program("bad_test", googletest("failed", code=1), "tests")
        self.assertEqual(self.run_bundle("good_test").returncode, 0)
        self.assertIn("there is no better_test here; use good_test, bad_test", self.run_bundle("better_test").stderr)

    def test_runs_examples_in_every_precision_on_a_gpu_only(self):
        self.program("model", 'echo "$@"; [ "$1" != --mixed_precision=fp16 ]', "examples")
        end = self.run_bundle()
        self.assertRegex(end.stdout, r"SKIPPED +model_bf16 +0 passed +0 failed +1 skipped\n +nvidia-smi shows no GPU\n")
        self.assertEqual(end.returncode, 77)
        self.tool("nvidia-smi", "echo 'Some GPU, 1.2'")
        end = self.run_bundle()
        self.assertIn("GPU: Some GPU, driver 1.2\n", end.stdout)
        self.assertRegex(end.stdout, r"passed +model +1 passed")
        self.assertRegex(end.stdout, r"FAILED +model_fp16 +0 passed +1 failed")
        self.assertEqual(self.output("model_bf16.txt"), "--mixed_precision=bf16\n")
        self.assertEqual(self.output("model_capture.txt"), "--mixed_precision=no --capture\n")

    def test_heads_benchmarks_with_command_device_and_date(self):
        self.program("speed", "echo 12 GB/s", "benchmarks")
        self.assertIn("nvidia-smi shows no GPU", self.run_bundle("--benchmarks").stderr)
        self.tool("nvidia-smi", "echo 'Some GPU, 1.2'")
        self.assertEqual(self.run_bundle("--benchmarks").returncode, 0)
        self.assertRegex(
            self.output("speed.txt"),
            r"^command: ./run --benchmarks speed\n"
            r"device: Some GPU, driver 1.2\ndate: \d{4}-\d\d-\d\d\ntorch: 2.11.0\n\n12 GB/s\n$",
        )

    def test_sanitizes_with_both_tools(self):
        self.program("kernel_test", googletest("passed"), "tests", "sanitized")
        self.program("other_test", googletest("passed"), "tests")
        self.tool("compute-sanitizer", 'tool=$1; shift 3; "$@"; [ $tool = --tool=memcheck ] || exit 9')
        end = self.run_bundle("--sanitize")
        self.assertRegex(end.stdout, r"passed +kernel_test_memcheck +1 passed")
        self.assertRegex(end.stdout, r"FAILED +kernel_test_racecheck +1 passed +1 failed .*\n +ended with code 9")
        self.assertNotIn("other_test", end.stdout)
        self.assertEqual(end.returncode, 1)

    def test_gives_all_words_behind_compare_to_the_comparison(self):
        self.script(
            "bundle/runfiles/accelerate/testing/benchmarks/compare_gpu.py", "import sys; print(sys.argv[1:]); exit(3)"
        )
        end = self.run_bundle("--compare", "mlp", "--rounds", "3")
        self.assertEqual((end.stdout, end.returncode), ("['mlp', '--rounds', '3']\n", 3))
        self.assertIn("command: ./run --compare mlp --rounds 3\ndevice: none\n", self.output("compare_gpu.md"))


if __name__ == "__main__":
    unittest.main()

"""The Python environment of the peers: made once in a folder of its own, with the pinned packages of peers.txt.

    python = peers.make(peers.default_folder(), requirements, print)

It takes some 5 GB, because the torch of the Python package index loads CUDA's libraries on machines without a GPU too.
"""

import pathlib
import subprocess
import sys

import rounds

sys.path.append(str(pathlib.Path(__file__).parents[1] / "python_environment"))
import python_environment  # noqa: E402
from python_environment import Refusal  # noqa: E402


def default_folder():
    return python_environment.folder_of("peers")


def make(folder, requirements, tell):
    return python_environment.make(folder, requirements, "the peers (some 5 GB)", tell)


def refuse_another_torch(found, libtorch):
    """Both sides of a row are to be made with one LibTorch. `found` is what versions() gives."""
    torch = [version for name, version in (part.split(" ", 1) for part in found.split(", ")) if name == "torch"]
    if torch and libtorch and torch[0].split("+")[0] != libtorch:
        raise Refusal(f"the programs were built with LibTorch {libtorch}, and the peers have torch {torch[0]}; "
                      f"build with theirs: bazel run --repo_env=LIBTORCH_VERSION={torch[0].split('+')[0]} ...")


def versions(python):
    """Of Python and of each package, as far as it is there."""
    code = (
        "import platform, importlib.metadata as m\n"
        "print('Python', platform.python_version())\n"
        "for name in ['torch', 'accelerate', 'jax', 'optax', 'numpy']:\n"
        "    try: print(name, m.version(name))\n"
        "    except m.PackageNotFoundError: pass\n"
    )
    ended = subprocess.run([python, "-I", "-c", code], capture_output=True, text=True)
    if ended.returncode != 0:
        raise Refusal(f"{python} is no Python that runs: {rounds.last_line_in(ended.stderr)}")
    return ", ".join(ended.stdout.splitlines())

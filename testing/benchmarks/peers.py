"""The Python environment of the peers: made once in a folder of its own, with the pinned packages of peers.txt.

    python = peers.make(peers.default_folder(), requirements, print)

It takes some 5 GB, because the torch of the Python package index loads CUDA's libraries on machines without a GPU too.
"""

import os
import pathlib
import shutil
import subprocess
import sys

import rounds

# Written at the end, with what was asked for. Without it the environment is one that was interrupted.
STAMP = "complete.txt"


class Refusal(Exception):
    """Says in a sentence why there is no environment, and what to do."""


def default_folder():
    cache = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(cache) / "accelerate/peers"


def run(command):
    ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if ended.returncode != 0:
        why = rounds.last_line_in(ended.stderr) or rounds.last_line_in(ended.stdout)
        raise Refusal(f"the peers could not be installed, which takes python3-venv and a package index: {why}. Install "
                      "them yourself and give --python, or run this again.")


def make(folder, requirements, tell, run=run):
    """Its Python. `requirements` is a file in pip's format; another one makes the environment anew."""
    wanted = requirements.read_text()
    stamp, python = folder / STAMP, folder / "bin/python"
    if stamp.exists() and stamp.read_text() == wanted:
        return python
    # What was interrupted, or is of other versions.
    if folder.exists() and any(folder.iterdir()):
        if not (folder / "pyvenv.cfg").exists():
            raise Refusal(f"{folder} holds something else than a Python environment; name another folder with --env")
        tell(f"removing an environment in {folder} that is not whole, or not of these versions")
        shutil.rmtree(folder)
    tell(f"installing the peers in {folder}, once: some 5 GB")
    run([sys.executable, "-m", "venv", str(folder)])
    run([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(requirements)])
    stamp.write_text(wanted)
    return python


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

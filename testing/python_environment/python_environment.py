"""A Python environment in a folder of its own, made once with pinned packages.

    python = python_environment.make(python_environment.folder_of("peers"), requirements, "the peers", print)
"""

import os
import pathlib
import shutil
import subprocess
import sys

# Written at the end, with what was asked for. Without it the environment is one that was interrupted.
STAMP = "complete.txt"


class Refusal(Exception):
    """Says in a sentence why there is no environment, and what to do."""


def folder_of(name):
    """In the user's cache."""
    cache = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(cache) / "accelerate" / name


def run(command):
    ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if ended.returncode != 0:
        lines = [line.strip() for line in (ended.stdout + ended.stderr).splitlines() if line.strip()]
        raise Refusal(f"the packages could not be installed: {lines[-1] if lines else 'without a word'}. This takes "
                      "python3-venv and a package index. Make that available and run this again, or install them "
                      "yourself and name your Python with --python.")


def make(folder, requirements, what, tell, run=run):
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
    tell(f"installing {what} in {folder}, once")
    run([sys.executable, "-m", "venv", str(folder)])
    run([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(requirements)])
    stamp.write_text(wanted)
    return python

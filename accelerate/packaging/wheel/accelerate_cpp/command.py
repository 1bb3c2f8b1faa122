"""The command accelerate-cpp: two subcommands of its own, and those of the command `accelerate` of this library.

Python's Accelerate has a command `accelerate`, which this one leaves alone.
"""

import importlib.metadata
import os
import pathlib
import re
import shlex
import sys

from accelerate_cpp import PREFIX

USAGE = """usage: accelerate-cpp new FOLDER     a project with a program that trains, to begin with
       accelerate-cpp cmake-path     the folder for CMake's CMAKE_PREFIX_PATH
       accelerate-cpp COMMAND ...    accelerate's own: checkpoint, config, dump, env, estimate-memory, launch,
                                     runs, test, tokens, trace

`accelerate-cpp launch --help` and so on describe those."""

TEMPLATE = pathlib.Path(__file__).resolve().parent / "template"


# Targets that CMake makes itself, and files that it writes.
RESERVED = {"all", "build", "clean", "edit_cache", "help", "install", "list_install_components", "package",
            "package_source", "rebuild_cache", "test", "CMakeFiles", "Makefile"}


class Refusal(Exception):
    """A sentence for the person who typed the command."""


def new_project(folder):
    """Lays the template into a folder, with the folder's name in the place of PROJECT."""
    path = pathlib.Path(folder)
    name = path.resolve().name
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", name) or name in RESERVED:
        raise Refusal(f"`{name}` cannot be the name of a program that CMake builds; take one of letters, digits, _ and -, "
                      "which begins with a letter and is no word of CMake's own")
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise Refusal(f"{folder} exists and is not an empty folder; nothing was written")
    try:
        path.mkdir(parents=True, exist_ok=True)
        for source in sorted(TEMPLATE.iterdir()):
            text = source.read_text(encoding="utf-8").replace("PROJECT", name)
            (path / source.name.replace("PROJECT", name)).write_text(text, encoding="utf-8")
    except OSError as error:
        raise Refusal(f"{folder} could not be written: {error.strerror}") from error
    print(f"""{folder} is there. To build and train:

  cd {shlex.quote(folder)}
  cmake -B build -DCMAKE_PREFIX_PATH="$(accelerate-cpp cmake-path)"
  cmake --build build
  build/{name} --num_processes=2""")


def run_accelerate(arguments):
    """Becomes the command `accelerate` under this one's name; its self-test takes the LibTorch of this Python."""
    # Not for others: what `launch` starts may be built for another LibTorch.
    if arguments[0] == "test" and "LIBTORCH" not in os.environ:
        try:
            torch = importlib.metadata.distribution("torch").locate_file("torch")
            os.environ["LIBTORCH"] = str(torch)
        except importlib.metadata.PackageNotFoundError:
            pass
    program = PREFIX / "bin" / "accelerate"
    os.execv(program, ["accelerate-cpp", *arguments])


def main(arguments=None):
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        if not arguments or arguments[0] in ("-h", "--help"):
            print(USAGE)
        elif arguments[0] == "new" and len(arguments) == 2 and not arguments[1].startswith("-"):
            new_project(arguments[1])
        elif arguments == ["cmake-path"]:
            print(PREFIX)
        elif arguments[0] in ("new", "cmake-path"):
            help_asked_for = arguments[1:] in (["-h"], ["--help"])
            print(USAGE, file=sys.stdout if help_asked_for else sys.stderr)
            return 0 if help_asked_for else 2
        else:
            run_accelerate(arguments)
    except Refusal as refusal:
        print(f"accelerate-cpp: {refusal}", file=sys.stderr)
        return 1
    return 0

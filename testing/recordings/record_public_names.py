"""Records the public names of Hugging Face Accelerate.

Writes testing/docs/testdata/python_public_names.json, by which from_python_test.py knows what the guide
docs/from_python.md must have a row for. The package's source is read and never imported, so that nothing which it
needs is installed. Recorded with Python 3.11 and accelerate 1.15.0. To run, from the root of the repository:

    python -m venv /tmp/venv && /tmp/venv/bin/pip install --no-deps accelerate==1.15.0
    /tmp/venv/bin/python testing/recordings/record_public_names.py

The file holds "version" and "names", lists of names by what they belong to. A name that begins with an underscore is
none, and one that several of these have is in the first of them:
    accelerate             what the package exports
    Accelerator(...)       arguments of the constructor
    Accelerator            its methods and properties
    options                CLASS.FIELD of the option classes that any training may need
    accelerate.utils       what that exports
    modules                classes and functions of the modules that programs import from
    commands               subcommands of `accelerate`
    accelerate launch      its flags
    config file            the keys of one, without those of its sections
"""

import ast
import importlib.util
import json
import pathlib

OUT = pathlib.Path(__file__).parents[2] / "testing/docs/testdata/python_public_names.json"
VERSION = "1.15.0"
MODULES = (
    "big_modeling", "checkpointing", "data_loader", "hooks", "inference", "launchers", "local_sgd",
    "logging", "memory_utils", "optimizer", "parallelism_config", "scheduler", "state", "tracking",
)  # fmt: skip
OPTIONS = (
    "AutocastKwargs", "DataLoaderConfiguration", "DistributedDataParallelKwargs", "GradScalerKwargs",
    "GradientAccumulationPlugin", "InitProcessGroupKwargs", "ProfileKwargs", "ProjectConfiguration",
)  # fmt: skip
CONFIGS = ("BaseConfig", "ClusterConfig", "SageMakerConfig")

PACKAGE = pathlib.Path(importlib.util.find_spec("accelerate").origin).parent


def parsed(file):
    return ast.parse((PACKAGE / file).read_text())


def imported(file):
    """What a module imports from the package's others, wherever it does."""
    for node in ast.walk(parsed(file)):
        if isinstance(node, ast.ImportFrom) and node.level > 0:
            yield from (alias.asname or alias.name for alias in node.names)


def defined(file):
    for node in parsed(file).body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            yield node.name


def class_body(file, name):
    [found] = [n for n in parsed(file).body if isinstance(n, ast.ClassDef) and n.name == name]
    return found.body


def methods(file, name):
    return [node.name for node in class_body(file, name) if isinstance(node, ast.FunctionDef)]


def arguments(file, name):
    [init] = [n for n in class_body(file, name) if getattr(n, "name", "") == "__init__"]
    return [argument.arg for argument in init.args.args if argument.arg != "self"]


def fields(file, name):
    return [n.target.id for n in class_body(file, name) if isinstance(n, ast.AnnAssign)]


def called(file, method):
    """The texts that a module gives to the calls of a method."""
    for node in ast.walk(parsed(file)):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == method:
            yield from (a.value for a in node.args if isinstance(a, ast.Constant))


def commands():
    for path in sorted((PACKAGE / "commands").glob("*.py")):
        yield from called(path, "add_parser")
    for path in sorted((PACKAGE / "commands/config").glob("*.py")):
        inner = "" if path.name == "config.py" else "config "
        yield from (inner + name for name in called(path, "add_parser"))


def names():
    utils = "utils/dataclasses.py"
    flags = called("commands/launch.py", "add_argument")
    yield "accelerate", imported("__init__.py")
    yield "Accelerator(...)", arguments("accelerator.py", "Accelerator")
    yield "Accelerator", methods("accelerator.py", "Accelerator")
    yield "options", (f"{each}.{field}" for each in OPTIONS for field in fields(utils, each))
    yield "accelerate.utils", imported("utils/__init__.py")
    yield "modules", (name for module in MODULES for name in defined(f"{module}.py"))
    yield "commands", commands()
    yield "accelerate launch", (flag for flag in flags if flag.startswith("--"))
    yield "config file", (key for each in CONFIGS for key in fields("commands/config/config_args.py", each))


def main():
    [version] = [
        node.value.value for node in parsed("__init__.py").body
        if isinstance(node, ast.Assign) and node.targets[0].id == "__version__"
    ]  # fmt: skip
    assert version == VERSION, version
    recorded, exported = {}, set()
    for group, found in names():
        own = {name for name in found if not name.startswith("_")}
        if group in ("accelerate.utils", "modules"):
            own -= exported
        if group in ("accelerate", "accelerate.utils"):
            exported |= own
        assert own, group
        recorded[group] = sorted(own)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps({"version": version, "names": recorded}, indent=1) + "\n")
    print(f"{OUT}: {sum(map(len, recorded.values()))} names")


if __name__ == "__main__":
    main()

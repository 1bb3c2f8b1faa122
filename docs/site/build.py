#!/usr/bin/env python3
"""Makes the documentation site: the documents of the tree, and a reference of the public headers.

    bazel run //docs/site -- --output=FOLDER

Open FOLDER/index.html: the site needs neither a server nor a network. A link to what is not there fails the build. This
takes Doxygen (apt-get install doxygen), and installs the packages of requirements.txt once, in a folder of their own.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
FOLDER = pathlib.Path(__file__).resolve().parent
sys.path += [str(FOLDER), str(FOLDER.parents[1] / "testing/python_environment")]
import api_pages  # noqa: E402
import built_pages  # noqa: E402
import comments  # noqa: E402
import pages  # noqa: E402
import python_environment  # noqa: E402

VERSION = "launcher/version/version.h"
# Written last: what a folder holds beside it may be replaced.
STAMP = "made_by_docs_site"


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="site", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    default = python_environment.folder_of("site")
    parser.add_argument("--output", type=pathlib.Path, required=True, metavar="FOLDER", help="where the site goes")
    parser.add_argument("--env", type=pathlib.Path, metavar="FOLDER", help=f"of the Python packages; {default}")
    parser.add_argument("--python", type=pathlib.Path, help="a Python with the packages, instead of --env")
    options = parser.parse_args(arguments)
    # What paths mean to whoever typed them, also under `bazel run`.
    typed_in = pathlib.Path(os.environ.get("BUILD_WORKING_DIRECTORY", "."))
    options.output = (typed_in / options.output).absolute()
    options.python = options.python and (typed_in / options.python).absolute()
    options.env = (typed_in / options.env).absolute() if options.env else default
    return options


def say(line):
    print(line, file=sys.stderr, flush=True)


def run(tool, command, **options):
    ended = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           text=True, **options)
    if ended.returncode != 0:
        raise pages.Refusal(f"{tool} found fault with the pages:\n{ended.stdout.strip()}")


def version():
    return re.search(r'kVersion\[\] = "(.*)"', (pages.TREE / VERSION).read_text())[1]


def read_headers(folder):
    """Has Doxygen read the public headers, and gives the folder of its XML."""
    if not shutil.which("doxygen"):
        raise pages.Refusal("Doxygen is missing; install it with `apt-get install doxygen`")
    copies = folder / "headers"
    for header in pages.headers():
        copy = copies / header
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(comments.for_doxygen((pages.TREE / header).read_text()))
    run("Doxygen", ["doxygen", str(FOLDER / "Doxyfile")], cwd=copies)
    return folder / "xml"


def make(python, folder):
    """The site in a folder within this one."""
    sources, made = folder / "sources", folder / "site"
    site = pages.write_documents(sources)
    api_pages.Reference(read_headers(folder), site).write()
    shutil.copy(FOLDER / "conf.py", sources)
    shutil.copytree(FOLDER / "static", sources / "static")
    ready = sources / "extra" / pages.page_of(pages.READY_PAGE)
    ready.parent.mkdir(parents=True)
    shutil.copy(pages.TREE / pages.READY_PAGE, ready)
    say(f"writing {len(site.written)} pages")
    run("Sphinx", [
        str(python), "-m", "sphinx", "-b", "html", "--quiet", "--fail-on-warning", "--no-color",
        "-D", f"release={version()}", "-D", f"html_title=Accelerate for C++ {version()}", str(sources), str(made),
    ])
    shutil.rmtree(made / ".doctrees", ignore_errors=True)
    built_pages.check(made)
    (made / STAMP).touch()
    return made


def main():
    options = parse(sys.argv[1:])
    try:
        if options.output.exists() and any(options.output.iterdir()) and not (options.output / STAMP).exists():
            raise pages.Refusal(f"{options.output} holds something other than the site; use another folder")
        requirements = FOLDER / "requirements.txt"
        python = options.python or python_environment.make(options.env, requirements, "Sphinx", say)
        with tempfile.TemporaryDirectory() as folder:
            made = make(python, pathlib.Path(folder))
            if options.output.exists():
                shutil.rmtree(options.output)
            shutil.move(made, options.output)
    except (pages.Refusal, python_environment.Refusal) as refusal:
        sys.exit(f"site: {refusal}")
    print(options.output / "index.html")


if __name__ == "__main__":
    main()

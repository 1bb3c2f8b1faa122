"""The pages of the site: the tree's documents, the public headers, and the source of whatever the documents link to."""

import os
import pathlib
import re

import markdown

TREE = pathlib.Path(__file__).resolve().parents[2]

# The order of the navigation. The home page is the README.
NAVIGATION = {
    "Start": ["docs/porting.md", "docs/from_python.md", "docs/cmake.md"],
    "Guides": [
        "docs/training.md", "docs/data.md", "docs/checkpoints.md", "docs/seeing_a_run.md", "docs/diagnosing.md",
        "docs/sharding.md", "docs/captured_steps.md", "docs/gpus.md", "docs/clusters.md", "docs/launching.md",
        "docs/packaging.md", "docs/troubleshooting.md", "docs/security.md",
    ],
    "Project": ["docs/design.md", "docs/scaling.md", "CONTRIBUTING.md", "docs/benchmarks/cpu.md"],
}
# Before this one comes the reference.
REFERENCE_BEFORE = "Project"

# The headers that a program may include and read, by what they are about. All others are parts of these.
API = {
    "Programs": [
        "accelerate/main/main.h", "accelerate/core/accelerator.h", "accelerate/engine/accelerator_options.h",
        "accelerate/engine/accumulation.h", "accelerate/engine/scopes.h", "accelerate/engine/schedule_unit.h",
        "accelerate/core/prepared_model.h", "accelerate/core/prepared_optimizer.h",
        "accelerate/core/prepared_scheduler.h", "accelerate/capture/captured_step.h",
        "accelerate/core/find_executable_batch_size.h", "accelerate/core/release_memory.h",
        "accelerate/main/runfiles.h",
    ],
    "Strategies and precisions": [
        "accelerate/strategy/strategy.h", "accelerate/gradients/gradient_options.h",
        "accelerate/precision/precision.h", "accelerate/precision/autocast.h", "accelerate/precision/loss_scale.h",
        "accelerate/precision/gpu_options.h",
    ],
    "Data": [
        "accelerate/data/data_loader.h", "accelerate/data/data_loader_options.h", "accelerate/data/tensor_dataset.h",
        "accelerate/data/csv_file.h", "accelerate/data/safetensors_file.h", "accelerate/data/token_file.h",
        "accelerate/data/image_folder.h", "accelerate/data/stream.h", "accelerate/data/mapped.h",
        "accelerate/data/concatenation.h", "accelerate/data/collate.h", "accelerate/data/sampler.h",
        "accelerate/data/samplers.h", "accelerate/data/sample_generator.h", "accelerate/data/read_error.h",
    ],
    "Optimizers and schedules": [
        "accelerate/optim/fused_optimizer.h", "accelerate/optim/moment_options.h", "accelerate/optim/lion.h",
        "accelerate/optim/schedulers.h", "accelerate/optim/scheduler.h", "accelerate/optim/cosine_decay.h",
        "accelerate/optim/linear_decay.h", "accelerate/optim/one_cycle.h", "accelerate/optim/step_lr.h",
        "accelerate/optim/lambda_lr.h", "accelerate/optim/reduce_lr_on_plateau.h", "accelerate/optim/per_group.h",
        "accelerate/nn/fused_linear.h",
    ],
    "Checkpoints": [
        "accelerate/checkpoint/checkpoint_options.h", "accelerate/checkpoint/progress.h",
        "accelerate/checkpoint/registered_object.h", "accelerate/checkpoint/model_files.h", "accelerate/state/state.h",
        "accelerate/state/stateful.h",
    ],
    "Processes and values": [
        "accelerate/comm/communicator.h", "accelerate/comm/operations.h", "accelerate/core/split.h",
        "accelerate/nested/visit_tensors.h", "accelerate/nested/parts.h", "accelerate/nested/serialized.h",
        "accelerate/process/process_info.h", "accelerate/process/seed.h",
    ],
    "Seeing a run": [
        "accelerate/progress_bar/progress_bar.h", "accelerate/logging/logger.h", "accelerate/logging/level.h",
        "accelerate/logging/log_file.h", "accelerate/tracking/values.h", "accelerate/tracking/tracker.h",
        "accelerate/tracking/file_trackers.h", "accelerate/tracking/tensorboard_tracker.h",
        "accelerate/report/run_report.h", "accelerate/memory/memory_usage.h", "accelerate/memory/out_of_memory.h",
        "accelerate/phases/phases.h", "accelerate/profile/profile.h", "accelerate/watch/watch.h",
    ],
}

# The only document that is a page already.
READY_PAGE = "docs/benchmarks/cpu.html"

LEXERS = {".bzl": "bazel", ".bazel": "bazel", ".bazelrc": "text", ".cc": "cpp", ".h": "cpp", ".cu": "cpp",
          ".md": "text", ".py": "python", ".sh": "bash", ".cmake": "cmake", ".toml": "toml", ".yaml": "yaml",
          ".json": "json", ".css": "css"}


class Refusal(Exception):
    """Says in a sentence why there is no site, and what to do."""


def documents(tree=TREE):
    return [tree / "README.md", tree / "CONTRIBUTING.md", *sorted(tree.glob("docs/**/*.md"))]


def headers():
    return [header for group in API.values() for header in group]


def page_of(path):
    """The site's name for a file or folder of the tree, without a suffix."""
    if path == "README.md":
        return "index"
    if path == "CONTRIBUTING.md":
        return "contributing"
    if path == "docs/benchmarks/cpu.md":
        return "benchmarks"
    if path.startswith("docs/") and path.endswith(".md"):
        return path[len("docs/"):-len(".md")]
    if path == READY_PAGE:
        return path[len("docs/"):]
    if path in headers():
        return f"api/{pathlib.PurePosixPath(path).stem}"
    return f"source/{path}/index" if (TREE / path).is_dir() else f"source/{path}"


def is_text(path):
    try:
        return "\0" not in (TREE / path).read_text()
    except UnicodeDecodeError:
        return False


def link(page, from_page):
    return os.path.relpath(page, os.path.dirname(from_page)) + ".md"


class Site:
    """Writes the pages into a folder, each with what it links to."""

    def __init__(self, folder):
        self.folder = folder
        self.written = set()

    def write(self, page, text):
        self.written.add(page)
        file = self.folder / f"{page}.md"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def add_document(self, path, more=""):
        page, text = page_of(path), (TREE / path).read_text()
        self.write(page, markdown.with_links(text, lambda target: self.target(path, page, target)) + more)

    def target(self, path, page, target):
        place, _, anchor = target.partition("#")
        if not place:
            return target
        aim = os.path.normpath(os.path.join(os.path.dirname(path), place))
        if not (TREE / aim).exists():
            raise Refusal(f"{path} links to {place}, which is not there")
        if aim == READY_PAGE:
            # A scheme of conf.py.
            return "page:" + os.path.relpath(page_of(aim), os.path.dirname(page))
        return self.link_to(aim, page) + (f"#{anchor}" if anchor and aim.endswith(".md") else "")

    def link_to(self, aim, from_page):
        page = page_of(aim)
        if page.startswith("source/") and page not in self.written:
            self.add_source(aim, page)
        return link(page, from_page)

    def add_source(self, path, page):
        """The text of a file, or the list of a folder's files, each with its own page."""
        self.written.add(page)
        title = f"---\norphan: true\n---\n# {escaped(path)}\n\n"
        if (TREE / path).is_dir():
            files = sorted(str(file.relative_to(TREE)) for file in (TREE / path).rglob("*")
                           if file.is_file() and "__pycache__" not in file.parts)
            listed = ""
            for file in files:
                name = f"`{file[len(path) + 1:]}`"
                listed += f"- [{name}]({self.link_to(file, page)})\n" if is_text(file) else f"- {name}\n"
            self.write(page, title + listed)
            return
        if not is_text(path):
            raise Refusal(f"a document links to {path}, which is not a text and so has no page")
        text = (TREE / path).read_text()
        name = pathlib.PurePosixPath(path).name
        lexer = "bazel" if name in ["BUILD", "WORKSPACE"] else LEXERS.get(pathlib.PurePosixPath(path).suffix, "text")
        fence = "`" * max([3, *(len(ticks) + 1 for ticks in re.findall("`{3,}", text))])
        self.write(page, f"{title}{fence}{lexer}\n{text.rstrip()}\n{fence}\n")


def escaped(text):
    """Without a meaning in Markdown."""
    return re.sub(r"([\\`*_<>\[\]$])", r"\\\1", text)


def toctree(entries, caption=""):
    caption = f":caption: {caption}\n" if caption else ""
    return f"\n:::{{toctree}}\n:hidden:\n{caption}\n" + "\n".join(entries) + "\n:::\n"


def group_page(group):
    """Of the reference; lists the headers."""
    return f"api/group_{group.lower().replace(' ', '_')}"


def refuse_other_documents(tree=TREE):
    """What the navigation has not, nobody would find."""
    named = {"README.md", *(path for paths in NAVIGATION.values() for path in paths)}
    there = {str(document.relative_to(tree)) for document in documents(tree)}
    for path in sorted(there - named):
        raise Refusal(f"{path} is not in the navigation; add it to NAVIGATION in docs/site/pages.py")
    for path in sorted(named - there):
        raise Refusal(f"{path} is in the navigation and not there; take it out of NAVIGATION in docs/site/pages.py")


def write_documents(folder):
    """All but the reference, of which the navigation has a page for each group of headers."""
    refuse_other_documents()
    site = Site(folder)
    contents = ""
    for caption, paths in NAVIGATION.items():
        if caption == REFERENCE_BEFORE:
            contents += toctree(["api/index", *map(group_page, API)], "Reference")
        home = ["Accelerate for C++ <self>"] if not contents else []
        contents += toctree(home + [page_of(path) for path in paths], caption)
        for path in paths:
            site.add_document(path)
    site.add_document("README.md", contents)
    return site

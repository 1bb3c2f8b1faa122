"""Records config files of Hugging Face Accelerate, and checks ours against it.

Recorded with Python 3.11, accelerate 1.15.0 and PyYAML 6.0.3 on a machine without a GPU. To run, from
the root of the repository:

    python -m venv /tmp/venv && /tmp/venv/bin/pip install accelerate==1.15.0 torch==2.11.0
    /tmp/venv/bin/python testing/recordings/record_config_files.py          # records
    /tmp/venv/bin/python testing/recordings/record_config_files.py --check  # loads what ours wrote

Writes below launcher/config/testdata:

    reference/NAME.yaml, .json  what `accelerate config` writes after the answers in QUESTIONNAIRES,
                                and what `accelerate config default` writes
    updated/NAME.yaml           what `accelerate config update` makes of the file in sparse/
    scalars.json                texts, with what yaml.safe_dump makes of each as the value of a key,
                                of a key in a section and of an item in a list, and how
                                yaml.safe_load reads it without quotes

--check takes the files in written/, which config_files_test.cc compares with what write_config()
writes now, and writes anew when it runs with WRITE_TESTDATA=launcher/config/testdata/written. Each
must load as a ClusterConfig, and writing that again must give the same bytes, save for smallest.yaml,
to which it adds the defaults.
"""

import argparse
import contextlib
import io
import json
import pathlib
import random
import subprocess
import sys
import tempfile
from unittest import mock

import accelerate
import yaml
from accelerate.commands.config import cluster
from accelerate.commands.config.config_args import ClusterConfig, load_config_from_file
from accelerate.commands.config.default import write_basic_config

TESTDATA = pathlib.Path(__file__).parents[2] / "launcher/config/testdata"

MULTI_NODE = [
    ("How many different machines", "4"),
    ("What is the rank of this machine", 1),
    ("What is the IP address", "10.0.0.1"),
    ("What is the port", "29501"),
]

# The questions that are not answered as proposed: a part of each, and what is typed, or the index
# in a menu.
QUESTIONNAIRES = {
    "cpu": [("CPU only", "yes")],
    "single_gpu": [("mixed precision", 2)],
    "multi_cpu": [("Which type of machine", 1), ("How many processes", "4")],
    "multi_cpu_mpirun": [
        ("Which type of machine", 1),
        ("launch mpirun", "yes"),
        ("path to the hostfile", "/home/user/hostfile"),
        ("How many processes", "16"),
        *MULTI_NODE,
    ],
    "multi_gpu": [
        ("Which type of machine", 4),
        ("How many GPU", "2"),
        ("What GPU(s) (by id)", "0,1"),
        ("numa efficiency", "yes"),
        ("mixed precision", 1),
    ],
    "multi_gpu_one_id": [
        ("Which type of machine", 4),
        ("How many GPU", "2"),
        ("What GPU(s) (by id)", "0"),
        ("checked while running", "yes"),
    ],
    "multi_node": [
        ("Which type of machine", 4),
        ("How many GPU", "8"),
        ("same local network", "no"),
        ("rendezvous backend", "c10d"),
        *MULTI_NODE,
    ],
    "fsdp1": [
        ("Which type of machine", 4),
        ("use FullyShardedDataParallel", "yes"),
        ("FSDP version", 0),
        ("sharding strategy", 1),
        ("comma-separated list of transformer layer class names", "BertLayer,GPTJBlock"),
        ("How many GPU", "2"),
        ("mixed precision", 2),
    ],
    "fsdp2": [
        ("Which type of machine", 4),
        ("use FullyShardedDataParallel", "yes"),
        ("auto wrap policy", 1),
        ("How many GPU", "4"),
    ],
    "fsdp2_parallelism": [
        ("Which type of machine", 4),
        ("use FullyShardedDataParallel", "yes"),
        ("use the parallelism config", "yes"),
        ("parallelism replicate size", "2"),
        ("context parallelism size", "2"),
        ("How many GPU", "4"),
    ],
    "dynamo": [("CPU only", "yes"), ("torch dynamo", "yes")],
    "dynamo_customized": [
        ("CPU only", "yes"),
        ("torch dynamo", "yes"),
        ("customize the defaults", "yes"),
        ("dynamic shape", "yes"),
    ],
    "deepspeed": [
        ("use DeepSpeed", "yes"),
        ("ZeRO optimization stage", 3),
        ("use gradient clipping", "yes"),
        ("How many GPU", "2"),
    ],
    "megatron": [("Which type of machine", 4), ("use Megatron-LM", "yes"), ("How many GPU", "8")],
    "fp8": [("mixed precision", 3), ("FP8 backend", 1)],
    "tpu": [
        ("Which type of machine", 10),
        ("using a TPU cluster", "yes"),
        ("name of your TPU cluster", "test-tpu"),
        ("zone of your TPU cluster", "us-central1-a"),
        ("code you wish to run on startup", "yes"),
        ("single command", "echo 'hello world, this is a long command' && pip install "
                           "accelerate==1.15.0 && echo done"),
        ("environment variables do you wish", "A=1,B=yes"),
        ("How many XLA", "8"),
    ],
}  # fmt: skip


def answer_questionnaire(answers):
    """The config that `accelerate config` makes, with `answers` typed in."""
    open_answers = list(answers)

    def find(question, default):
        for answer in open_answers:
            if answer[0] in question:
                open_answers.remove(answer)
                return answer[1]
        return default

    def ask_field(question, convert=None, default=None, error_message=None):
        answer = find(question, "")
        if answer == "" and default is not None:
            return default
        return convert(answer) if convert is not None else answer

    def ask_options(question, options=(), convert=None, default=0):
        answer = find(question, default)
        return convert(answer) if convert is not None else answer

    installed = {
        name: mock.DEFAULT
        for name in ("is_deepspeed_available", "is_fp8_available", "is_transformer_engine_available")
    }
    with mock.patch.multiple(cluster, _ask_field=ask_field, _ask_options=ask_options, **installed):
        with contextlib.redirect_stdout(io.StringIO()):
            config = cluster.get_cluster_input()
    assert not open_answers, open_answers
    return config


def record_reference():
    folder = TESTDATA / "reference"
    folder.mkdir(parents=True, exist_ok=True)
    for name, answers in QUESTIONNAIRES.items():
        answer_questionnaire(answers).to_yaml_file(folder / f"{name}.yaml")
    for name in ("multi_gpu", "fsdp2", "tpu"):
        answer_questionnaire(QUESTIONNAIRES[name]).to_json_file(folder / f"{name}.json")
    for precision in ("no", "bf16"):
        # JSON text in a file for YAML, as the command does.
        path = folder / f"default_{precision}.yaml"
        path.unlink(missing_ok=True)
        write_basic_config(precision, str(path))


def record_updates():
    folder = TESTDATA / "updated"
    folder.mkdir(parents=True, exist_ok=True)
    for sparse in sorted((TESTDATA / "sparse").iterdir()):
        updated = folder / sparse.name
        updated.write_text(sparse.read_text())
        subprocess.run(
            [sys.executable, "-m", "accelerate.commands.accelerate_cli", "config", "update",
             "--config_file", str(updated)],
            check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip


def texts():
    """Texts that YAML writes in different ways."""
    yield from (
        "", "a", "no", "NO", "No", "nO", "y", "on", "true", "TRUE", "tRUE", "null", "~", "Null", "0",
        "-0", "+1", "00", "07", "08", "0x1F", "0xg", "0b11", "0b2", "1_000", "_1", "1:30", "1:60",
        "190:20:30", "1.5", "1.", ".5", "-.5", "1e5", "1.0e5", "1.0e+5", "1.e-5", "1:30.5", ".inf",
        "-.INF", ".nan", "-.nan", "2024-01-02", "2024-1-2", "2024-01-02 03:04:05", "=", "<<", "-",
        "- a", "-a", "?", "? a", "?a", ":", ":a", "a:", "a: b", "a:b", "#a", "a#", "a #b", "a, b",
        "[a]", "{a}", "a]", "!a", "&a", "*a", "|", ">", "'", '"', "a'b", 'a"b', "%a", "@a", "`a",
        "---", "--- a", "...", "...a", " a", "a ", " ", "a  b", "a\nb", "a\n", "\na", "a\n\nb",
        "a \nb", "a\n b", "\n", "\t", "a\tb", "a\\b", "a\rb", "\x07", "\x7f", "\x85", "\xa0", "é",
        "日本語", "😀", "\u2028", "\u2029", "\ufeff", "\ufffd", "a\u2028b", "/home/user/host file",
        "0,1", "all", "10.0.0.1", "GPU-5aef,GPU-6b", "it's", "'quoted'", "a: 'b'", "x" * 200,
    )  # fmt: skip
    words = "word " * 40
    yield from (words.strip(), words, " " + words, words.replace(" ", "  "), "'" + words.strip())
    yield from ("é " * 60, "é" * 120, "a: " + words, words.strip() + "\n" + words.strip())
    yield from ("x" * 78 + " y z", "x" * 80 + " 'y' z", 'x"' * 50 + " y", "\\ " * 60)
    rng = random.Random(1)
    alphabet = list("ab 0:#-,'\"\\\n.?_[]{}") + ["  ", "é", "word", "\t", "😀", "x" * 30]
    for size in [3] * 150 + [8] * 100 + [60] * 100:
        yield "".join(rng.choice(alphabet) for _ in range(rng.randint(1, size)))
    digits = list("0123456789") + list("_:.+-exbaf")
    for _ in range(300):
        yield "".join(rng.choice(digits) for _ in range(rng.randint(1, 7)))


def plain_kind(text):
    """How YAML reads `text` without quotes, null where it cannot stand so."""
    if text != text.strip() or any(c in text for c in "\n\t\r\x85\u2028\u2029\ufeff"):
        return None
    try:
        node = yaml.compose(f"key: {text}\n", yaml.SafeLoader).value[0][1]
    except yaml.YAMLError:
        return None
    if not isinstance(node, yaml.ScalarNode) or node.style is not None or node.value != text:
        return None
    return node.tag.removeprefix("tag:yaml.org,2002:")


def record_scalars():
    cases = []
    for text in dict.fromkeys(texts()):
        case = {"text": text, "yaml": yaml.safe_dump({"key": text}),
                "section": yaml.safe_dump({"fsdp_config": {"key": text}}),
                "item": yaml.safe_dump({"list": [text]}), "json": json.dumps(text),
                "plain": plain_kind(text)}  # fmt: skip
        cases.append(json.dumps(case))
    (TESTDATA / "scalars.json").write_text("[\n" + ",\n".join(cases) + "\n]\n")
    print(f"{len(cases)} scalars")


def check_written():
    """Loads each file that write_config() wrote, and writes it again."""
    count = 0
    for path in sorted((TESTDATA / "written").iterdir()):
        config = load_config_from_file(str(path))
        with tempfile.NamedTemporaryFile(suffix=path.suffix) as again:
            if path.suffix == ".json":
                config.to_json_file(again.name)
            else:
                config.to_yaml_file(again.name)
            text = pathlib.Path(again.name).read_text()
            if path.stem == "smallest":
                assert yaml.safe_load(text).items() >= yaml.safe_load(path.read_text()).items()
            else:
                assert text == path.read_text(), path
        assert isinstance(config, ClusterConfig)
        count += 1
    assert count
    print(f"{count} files of ours load and are written the same")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    assert accelerate.__version__ == "1.15.0", accelerate.__version__
    if arguments.check:
        check_written()
        return
    record_reference()
    record_updates()
    record_scalars()


if __name__ == "__main__":
    main()

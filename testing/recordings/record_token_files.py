"""Records files of tokens as nanoGPT, llm.c and Megatron-LM write them.

Writes formats/tokens/testdata, all with the same seven documents: nanogpt.bin, llm_c_gpt2.bin,
llm_c_llama3.bin, megatron_uint16.bin and .idx, megatron_int32.bin and .idx, whose fourth document
is of two sequences; and tokens.json with what they must be read as. Recorded with Python 3.11,
numpy 2.4.6, PyTorch 2.11.0 (CPU), megatron-core 0.12.1 and dev/data/data_common.py of llm.c at
f1e2ace. To run, from the root of the repository, with a clone of llm.c beside it:

    python -m venv /tmp/venv
    /tmp/venv/bin/pip install torch==2.11.0 numpy==2.4.6 packaging requests tqdm
    /tmp/venv/bin/pip install --no-deps megatron-core==0.12.1
    /tmp/venv/bin/python testing/recordings/record_token_files.py ../llm.c

tokens.json:
    documents      a list of the tokens of each document, none of which is 50256
    end            50256, GPT-2's <|endoftext|>, which ends each document in nanogpt.bin, as
                   nanoGPT's data/openwebtext/prepare.py has it, and begins each in llm.c's files,
                   as its dev/data/fineweb.py has it. Megatron's have none.
    large          a token added to the last document where tokens have 32 bits
"""

import json
import pathlib
import random
import sys

import numpy as np
import torch
from megatron.core.datasets.indexed_dataset import IndexedDatasetBuilder

sys.path.insert(0, str(pathlib.Path(sys.argv[1]) / "dev/data"))
from data_common import write_datafile  # noqa: E402

OUT = pathlib.Path(__file__).parents[2] / "formats/tokens/testdata"
END = 50256
LARGE = 128000


def write_nanogpt(path, documents):
    """As prepare.py does: a memory-mapped array of the whole length, filled piece by piece."""
    tokens = [token for document in documents for token in [*document, END]]
    array = np.memmap(path, dtype=np.uint16, mode="w+", shape=(len(tokens),))
    array[:] = tokens
    array.flush()


def write_megatron(name, documents, dtype):
    builder = IndexedDatasetBuilder(str(OUT / f"{name}.bin"), dtype=dtype)
    for number, document in enumerate(documents):
        middle = len(document) // 2 if number == 3 else len(document)
        builder.add_item(torch.tensor(document[:middle]))
        if middle < len(document):
            builder.add_item(torch.tensor(document[middle:]))
        builder.end_document()
    builder.finalize(str(OUT / f"{name}.idx"))


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    generator = random.Random(7)
    documents = [[generator.randrange(50256) for _ in range(length)] for length in (5, 12, 1, 30, 3, 17, 8)]
    write_nanogpt(OUT / "nanogpt.bin", documents)
    large = [*documents[:-1], [*documents[-1], LARGE]]
    for name, contents, kind in (("gpt2", documents, "gpt-2"), ("llama3", large, "llama-3")):
        write_datafile(str(OUT / f"llm_c_{name}.bin"), [t for d in contents for t in [END, *d]], kind)
    write_megatron("megatron_uint16", documents, np.uint16)
    write_megatron("megatron_int32", large, np.int32)
    (OUT / "tokens.json").write_text(json.dumps({"documents": documents, "end": END, "large": LARGE}) + "\n")


if __name__ == "__main__":
    main()

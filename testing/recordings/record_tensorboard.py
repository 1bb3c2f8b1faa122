"""Records event files as PyTorch writes them, and what TensorBoard reads from them.

Writes formats/tensorboard/testdata: run/, a run that was resumed at step 3, whose first file also
has a text, histograms and a layout of charts; and scalars.json, a list of [step, value] for each
scalar of the run, as TensorBoard reads it, the values as texts. Recorded with Python 3.11, PyTorch
2.11.0 (CPU), tensorboard 2.21.0 and numpy 2.4.6. To run, from the root of the repository:

    python -m venv /tmp/venv
    /tmp/venv/bin/pip install torch==2.11.0 tensorboard==2.21.0 numpy==2.4.6
    /tmp/venv/bin/python testing/recordings/record_tensorboard.py
"""

import json
import pathlib
import shutil
import time

import numpy as np
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto import summary_pb2, tensor_pb2
from torch.utils.tensorboard import SummaryWriter

OUT = pathlib.Path(__file__).parents[2] / "formats/tensorboard/testdata"
BEGIN = 1764460000.5


def write_first(folder):
    writer = SummaryWriter(folder)
    for step in range(5):
        writer.add_scalar("loss", 1 / (step + 1), step, walltime=BEGIN + step)
    writer.add_scalar("odd/nan", float("nan"), 1, walltime=BEGIN)
    writer.add_scalar("odd/inf", float("-inf"), 2, walltime=BEGIN)
    writer.add_scalar("odd/step", 1.5, 1 << 40, walltime=BEGIN)
    writer.add_text("note", "schön **bold**", 3, walltime=BEGIN)
    writer.add_histogram("weights", (np.arange(101) - 50) / 4.0, 4, walltime=BEGIN)
    writer.add_histogram("zeros", np.zeros(3), 0, walltime=BEGIN)
    writer.add_custom_scalars({"losses": {"both": ["Multiline", ["loss", "eval/.*"]]}})
    # Scalars that are tensors, in each of their forms.
    for step in range(3):
        writer.add_scalar("tensor/float", step / 2, step, walltime=BEGIN, new_style=True)
        writer.add_scalar(
            "tensor/double", step / 3, step, walltime=BEGIN, new_style=True, double_precision=True
        )
        content = summary_pb2.Summary.Value(
            tag="tensor/content",
            tensor=tensor_pb2.TensorProto(
                dtype="DT_FLOAT", tensor_content=np.float32(step).tobytes()
            ),
        )
        if step == 0:
            content.metadata.plugin_data.plugin_name = "scalars"
        summary = summary_pb2.Summary(value=[content])
        writer._get_file_writer().add_summary(summary, step, walltime=BEGIN)
    writer.close()


def write_second(folder):
    writer = SummaryWriter(folder, purge_step=3)
    writer.add_scalar("loss", 7.0, 3, walltime=BEGIN + 10)
    writer.close()


def rename(folder, second, number):
    """Gives the file of that second a name that says nothing of this machine."""
    (file,) = folder.glob(f"events.out.tfevents.{second}.*")
    file.rename(folder / f"events.out.tfevents.{second}.host.1.{number}")


def number(tensor):
    if tensor.tensor_content:
        return float(np.frombuffer(tensor.tensor_content, dtype=np.float32)[0])
    return (list(tensor.float_val) + list(tensor.double_val))[0]


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    run = OUT / "run"
    run.mkdir(parents=True)
    real_time, time.time = time.time, lambda: BEGIN
    write_first(run)
    rename(run, int(BEGIN), 0)
    time.time = lambda: BEGIN + 10
    write_second(run)
    rename(run, int(BEGIN) + 10, 1)
    time.time = real_time

    everything = {"tensors": 0, "scalars": 0}
    events = EventAccumulator(str(run), size_guidance=everything)
    events.Reload()
    tags = events.Tags()
    scalars = {tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in tags["scalars"]}
    for tag in tags["tensors"]:
        if tag.startswith("tensor/"):
            scalars[tag] = [(e.step, number(e.tensor_proto)) for e in events.Tensors(tag)]
    # JSON has no numbers that are not finite.
    texts = {tag: [[step, str(value)] for step, value in scalars[tag]] for tag in sorted(scalars)}
    (OUT / "scalars.json").write_text(json.dumps(texts, indent=1) + "\n")


if __name__ == "__main__":
    main()

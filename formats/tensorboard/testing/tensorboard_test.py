#!/usr/bin/env python3
"""tensorboard_test.py WRITE_RUN REQUIREMENTS: TensorBoard reads a run that WRITE_RUN writes as it was meant.

TensorBoard comes from the Python package index, as REQUIREMENTS pins it, without what its server alone needs. Where
the index cannot be reached the test says so and is skipped.
"""

import os
import struct
import subprocess
import sys
import unittest
import zlib

FOLDER = os.environ["TEST_TMPDIR"]
WRITE_RUN = os.path.abspath(sys.argv[1])
REQUIREMENTS = os.path.abspath(sys.argv[2])
SITE = os.path.join(FOLDER, "site")
RUN = os.path.join(FOLDER, "run")


def install():
    """Why there is no TensorBoard to try; None where there is."""
    try:
        import numpy  # noqa: F401
    except ImportError:
        return "Python's numpy is not installed (apt-get install python3-numpy)"
    # Wheels of Python alone, which any version of it takes.
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes",
               "--disable-pip-version-check", "--only-binary=:all:", "--platform=any", "--implementation=py",
               "--abi=none", "--target", SITE, "-r", REQUIREMENTS]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode == 0:
        sys.path.insert(0, SITE)
        return None
    if "DO NOT MATCH" in result.stderr:
        sys.exit("A downloaded wheel is not the one whose sha256 is pinned in " + REQUIREMENTS)
    reason = (result.stderr.strip().splitlines() or ["no reason given"])[-1]
    return "TensorBoard could not be had from the Python package index: " + reason


def pixels_of(png):
    """The bytes of an image whose rows are kept as they are."""
    place, data = 8, b""
    width, _, _, kind = struct.unpack(">IIBB", png[16:26])
    while place < len(png):
        (size,) = struct.unpack(">I", png[place:place + 4])
        if png[place + 4:place + 8] == b"IDAT":
            data += png[place + 8:place + 8 + size]
        place += size + 12
    rows, stride = zlib.decompress(data), 1 + width * {0: 1, 2: 3, 6: 4}[kind]
    filters, rest = rows[::stride], [rows[i + 1:i + stride] for i in range(0, len(rows), stride)]
    assert set(filters) == {0}, filters
    return b"".join(rest)


class TensorBoard(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        subprocess.run([WRITE_RUN, RUN], check=True)
        from tensorboard.backend.event_processing import event_accumulator
        cls.run_ = event_accumulator.EventAccumulator(RUN, size_guidance={"scalars": 0})
        cls.run_.Reload()

    def array(self, tag):
        """What the last event of the tag holds."""
        from tensorboard.util import tensor_util
        return tensor_util.make_ndarray(self.run_.Tensors(tag)[-1].tensor_proto)

    def plugin(self, tag):
        return self.run_.SummaryMetadata(tag).plugin_data

    def test_reads_scalars_and_leaves_out_what_a_resumed_run_takes_back(self):
        loss = [(event.step, event.value, event.wall_time) for event in self.run_.Scalars("loss")]
        begin = 1764460000.5
        self.assertEqual([step for step, _, _ in loss], [0, 1, 2, 3])
        self.assertEqual([value for _, value, _ in loss], [1.0, 0.5, struct.unpack("f", struct.pack("f", 1 / 3))[0], 7])
        self.assertEqual([time for _, _, time in loss], [begin, begin + 1, begin + 2, begin + 10])
        self.assertEqual([event.value for event in self.run_.Scalars("tokens")], [0, 4096, 8192])
        self.assertEqual([event.value for event in self.run_.Scalars("odd/infinite")], [-float("inf")])

    def test_reads_texts(self):
        tag = "note/text_summary"  # As PyTorch calls it; TensorBoard shows `note`.
        self.assertEqual(self.plugin(tag).plugin_name, "text")
        self.assertEqual(self.array(tag).item().decode(), "sch\u00f6n **bold**")

    def test_reads_histograms(self):
        (event,) = self.run_.Histograms("weights")
        histogram = event.histogram_value
        self.assertEqual((event.step, histogram.num, histogram.min, histogram.max), (2, 101, -12.5, 12.5))
        below = sum(count for limit, count in zip(histogram.bucket_limit, histogram.bucket) if limit < 0)
        self.assertEqual((sum(histogram.bucket), below), (101, 50))

    def test_reads_images(self):
        (event,) = self.run_.Images("faces/0")
        self.assertEqual((event.step, event.width, event.height), (2, 2, 3))
        self.assertEqual(pixels_of(event.encoded_image_string), bytes(range(1, 13)) + bytes(range(0xf1, 0xf7)))

    def test_reads_the_settings_of_a_run_and_how_it_ended(self):
        from tensorboard.plugins.hparams import metadata
        begun = metadata.parse_session_start_info_plugin_data(self.plugin("_hparams_/session_start_info").content)
        settings = {name: getattr(value, value.WhichOneof("kind")) for name, value in begun.hparams.items()}
        self.assertEqual(settings, {"lr": 0.1, "nesterov": True, "optimizer": "sgd"})
        self.assertEqual(begun.group_name, "first")
        ended = metadata.parse_session_end_info_plugin_data(self.plugin("_hparams_/session_end_info").content)
        self.assertEqual(ended.status, 1)  # STATUS_SUCCESS

    def test_reads_a_layout_of_charts(self):
        from tensorboard.plugins.custom_scalar import layout_pb2
        layout = layout_pb2.Layout.FromString(self.array("custom_scalars__config__").item())
        (category,) = layout.category
        (chart,) = category.chart
        self.assertEqual((category.title, chart.title), ("losses", "both"))
        self.assertEqual(list(chart.multiline.tag), ["loss", "eval/.*"])


if __name__ == "__main__":
    skipped = install()
    if skipped:
        print("skipped: " + skipped)
        sys.exit(0)
    unittest.main(argv=sys.argv[:1])

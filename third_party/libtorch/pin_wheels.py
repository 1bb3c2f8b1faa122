"""Writes the lists of wheels, with their hashes, that belong to a version of LibTorch.

    third_party/libtorch/pin_wheels.py 2.15.0

As pip chooses them from the package index that it is set up for, without downloading them. For whoever adds a version:
docs/packaging.md says what else it takes.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

from fetch_wheels import PLATFORM

# What the CPU half loads, and what the GPU half does.
CPU = ["torch", "nvidia-cuda-runtime", "nvidia-cuda-cupti"]
CUDA = ["torch", "nvidia-nccl-cu13", "nvidia-cublas", "nvidia-cufft", "nvidia-cufile", "nvidia-curand",
        "nvidia-cusolver", "nvidia-cusparse", "nvidia-nvjitlink", "nvidia-cuda-nvrtc", "nvidia-cudnn-cu13",
        "nvidia-cusparselt-cu13", "nvidia-nvshmem-cu13"]
HEADS = {
    "cpu": "# LibTorch, and the libraries that its CPU half loads (pip's requirements format).\n",
    "cuda": "# LibTorch's GPU half, NCCL with its header, and all that libtorch_cuda loads when a program starts.\n",
}


def resolve(version):
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder) / "report.json"
        subprocess.run([sys.executable, "-m", "pip", "install", "--dry-run", "--quiet", "--ignore-installed",
                        "--disable-pip-version-check", "--target", folder, "--report", report, *PLATFORM,
                        f"torch=={version}"], check=True)
        items = json.loads(report.read_text())["install"]
    return {item["metadata"]["name"]: (item["metadata"]["version"],
                                       item["download_info"]["archive_info"]["hashes"]["sha256"]) for item in items}


def main():
    version = sys.argv[1]
    found = resolve(version)
    for half, names in ("cpu", CPU), ("cuda", CUDA):
        lines = ["%s==%s --hash=sha256:%s\n" % (name, *found[name]) for name in names if name in found]
        path = pathlib.Path(__file__).parent / "wheels" / f"{version}_{half}.txt"
        path.write_text(HEADS[half] + "".join(lines))


if __name__ == "__main__":
    main()

"""Downloads pinned wheels through pip and unpacks what a build needs of them.

    fetch_wheels.py REQUIREMENTS CACHE

REQUIREMENTS is in pip's format, each line with its sha256, and named VERSION_KIND.txt. Every wheel is unpacked as pip
would install it, into a folder of CACHE that belongs to these requirements and whose path is printed. It appears whole or
not at all: the work is done beside it, in a folder that is renamed at the end, so that an interrupted download is simply
begun again. What a killed one left behind is removed a day later. On failure, one sentence goes to stderr.
"""

import glob
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile

# The wheels' own platform, whatever Python runs this script.
PLATFORM = ["--only-binary=:all:", "--implementation=cp", "--python-version=3.11", "--abi=cp311", "--abi=none"]
TAGS = ["2_28", "2_27", "2_25", "2_18", "2_17", "2_12", "2_5"]
LEGACY_TAGS = ["manylinux2014_x86_64", "manylinux2010_x86_64", "manylinux1_x86_64"]
PLATFORM += ["--platform=manylinux_%s_x86_64" % tag for tag in TAGS] + ["--platform=" + tag for tag in LEGACY_TAGS]

# Of LibTorch, only its headers and libraries; the rest of the wheel is Python.
TORCH_NEEDED = re.compile(r"torch/(include/|lib/lib[^/]*\.so)")
TORCH_GPU = re.compile(r"torch/lib/lib(torch_cuda|c10_cuda|torch_nvshmem|caffe2_nvrtc)")
NVIDIA_NEEDED = re.compile(r"nvidia/.*(lib/[^/]*\.so[^/]*$|nccl/include/)")
TORCH_PYTHON = re.compile(r"torch/lib/lib(torch_python|shm)")


def wanted(member, gpu):
    if member.startswith("torch"):
        return bool(TORCH_NEEDED.match(member)) and not TORCH_PYTHON.match(member) and (
            gpu == bool(TORCH_GPU.match(member)))
    return bool(NVIDIA_NEEDED.match(member))


def download(requirements, folder, temporary):
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes",
               "--disable-pip-version-check", *PLATFORM, "-r", requirements, "-d", folder]
    # The wheels have gigabytes, and /tmp may be memory. Nothing is installed, in an environment or outside.
    environment = {**os.environ, "TMPDIR": temporary, "PIP_REQUIRE_VIRTUALENV": "0"}
    result = subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                            check=False)
    if result.returncode == 0:
        return
    reason = (result.stderr.strip().splitlines() or ["no reason given"])[-1]
    if "DO NOT MATCH" in result.stderr:
        reason = "a downloaded wheel is not the one whose sha256 is pinned in " + requirements
    elif "No module named pip" in result.stderr:
        reason = "pip is missing (apt-get install python3-pip)"
    elif "CERTIFICATE_VERIFY_FAILED" in result.stderr:
        reason = "the certificate of the Python package index is not trusted here (PIP_CERT names a file of those that are)"
    elif "Connection" in result.stderr or "No matching distribution" in result.stderr:
        reason = "the Python package index cannot be reached, or lacks the wheel: " + reason
    raise SystemExit("LibTorch could not be downloaded: %s. Or install it yourself and set LIBTORCH to its folder." %
                     reason)


def folder_of(requirements):
    """Another list of wheels gets another folder."""
    version, kind = os.path.basename(requirements)[:-len(".txt")].split("_")
    with open(requirements, "rb") as file:
        return "libtorch-%s-%s-%s" % (version, kind, hashlib.sha256(file.read()).hexdigest()[:8])


def main():
    requirements, cache = sys.argv[1:]
    gpu = "cpu" not in os.path.basename(requirements)
    destination = os.path.join(cache, folder_of(requirements))
    if not os.path.isdir(destination):
        fetch(requirements, destination, gpu)
    print(destination)


def remove_abandoned(cache):
    """What a process without time to clean up left more than a day ago."""
    for path in glob.glob(os.path.join(glob.escape(cache), ".unfinished-*")):
        try:
            if os.stat(path).st_mtime < time.time() - 24 * 3600:
                shutil.rmtree(path, ignore_errors=True)
        except FileNotFoundError:  # Its process has just finished.
            pass


def fetch(requirements, destination, gpu):
    cache = os.path.dirname(destination)
    try:
        os.makedirs(cache, exist_ok=True)
        remove_abandoned(cache)
        with tempfile.TemporaryDirectory(prefix=".unfinished-", dir=cache) as work:
            wheels = os.path.join(work, "wheels")
            download(requirements, wheels, work)
            unpacked = os.path.join(work, "unpacked")
            for wheel in sorted(os.listdir(wheels)):
                with zipfile.ZipFile(os.path.join(wheels, wheel)) as archive:
                    archive.extractall(unpacked, [name for name in archive.namelist() if wanted(name, gpu)])
            try:
                os.rename(unpacked, destination)
            except OSError:
                if not os.path.isdir(destination):  # Another build on this machine was quicker.
                    raise
    except OSError as error:
        raise SystemExit("LibTorch could not be unpacked to %s: %s. XDG_CACHE_HOME can name a folder with more room." %
                         (destination, error)) from error


if __name__ == "__main__":
    # The end of a build, which is to leave nothing unfinished behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("LibTorch was not downloaded: interrupted"))
    main()

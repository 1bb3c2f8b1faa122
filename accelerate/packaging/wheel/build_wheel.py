#!/usr/bin/env python3
"""Packs a tree of //:install and a Python package into a wheel. The same files give the same wheel, byte for byte.

    build_wheel.py TREE VERSION_HEADER LIBTORCH_VERSION VARIANT FOLDER [PACKAGE_FILE=PATH]...

The wheel goes into FOLDER under the name that pip wants. VERSION_HEADER has the version of this library,
to which the LibTorch is added, and the variant if there is one.
"""

import base64
import hashlib
import pathlib
import re
import sys
import sysconfig
import tarfile
import zipfile

METADATA = """Metadata-Version: 2.1
Name: accelerate-cpp
Version: {version}
Summary: Training programs in C++ that run on one process or many, in any precision, without a change to their source
License: Apache-2.0
{license_files}Requires-Python: >={python}
Requires-Dist: torch (=={torch})
"""

# In the tree; where pip and those who read licences look for what is in it is beside the metadata.
DOCUMENTS = "share/doc/accelerate-cpp/"

WHEEL = """Wheel-Version: 1.0
Generator: accelerate-cpp
Root-Is-Purelib: false
Tag: py3-none-{platform}
"""

ENTRY_POINTS = """[console_scripts]
accelerate-cpp = accelerate_cpp.command:main
"""


def oldest_python(torch):
    """The oldest Python for which there is a wheel of this LibTorch."""
    major, minor = (int(part) for part in torch.split(".")[:2])
    return "3.11" if (major, minor) >= (2, 15) else "3.10"


class Wheel:
    def __init__(self, path):
        self._zip = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED)
        self._record = []

    def add(self, path, data, executable=False):
        entry = zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0))
        entry.external_attr = (0o100755 if executable else 0o100644) << 16
        entry.compress_type = zipfile.ZIP_DEFLATED
        self._zip.writestr(entry, data)
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        self._record.append(f"{path},sha256={digest},{len(data)}")

    def close(self, record):
        self._zip.writestr(zipfile.ZipInfo(record, (1980, 1, 1, 0, 0, 0)), "\n".join([*self._record, f"{record},,", ""]))
        self._zip.close()


def main():
    tree, header, torch, variant, folder, *package = sys.argv[1:]
    own = re.search(r'kVersion\[\] = "(.*)";', pathlib.Path(header).read_text()).group(1)
    # Which LibTorch it is for, since it is of no use with another.
    version = f"{own}+torch{torch}" + (f".{variant}" if variant else "")
    platform = re.sub("[-.]", "_", sysconfig.get_platform())
    wheel = Wheel(pathlib.Path(folder) / f"accelerate_cpp-{version}-py3-none-{platform}.whl")
    for source, path in sorted(pair.split("=", 1) for pair in package):
        wheel.add(path, pathlib.Path(source).read_bytes())
    information = f"accelerate_cpp-{version}.dist-info/"
    license_files = ""
    with tarfile.open(tree) as files:
        for file in files:
            data = files.extractfile(file).read()
            if file.name.startswith(DOCUMENTS):
                name = file.name[len(DOCUMENTS):]
                license_files += f"License-File: {name}\n"
                wheel.add(information + name, data)
            else:
                wheel.add("accelerate_cpp/prefix/" + file.name, data, bool(file.mode & 0o100))
    metadata = METADATA.format(version=version, torch=torch, python=oldest_python(torch), license_files=license_files)
    wheel.add(information + "METADATA", metadata.encode())
    wheel.add(information + "WHEEL", WHEEL.format(platform=platform).encode())
    wheel.add(information + "entry_points.txt", ENTRY_POINTS.encode())
    wheel.close(information + "RECORD")


main()

#!/usr/bin/env python3
"""Packs programs, and the libraries that they load, into one tar. The same files give the same tar, byte for byte.

    pack.py CONTENTS ARCHIVE

CONTENTS is JSON. `files` are pairs of a source, a file or a folder, and its path in the archive. `programs`, by their
path there, are to look for libraries in the folder given ($ORIGIN/lib). `libraries` is the folder that gets what they
load and `files` lacks, or null where programs need nothing; `notices` is the folder for what their Debian packages say
about licences. `elsewhere` names libraries that the other machine has, and `compiler` knows where those of this machine
are.
"""

import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tarfile
import tempfile

# Every machine has a C library, and it must be its own, as the loader and the C library belong together.
C_LIBRARY = {"libanl", "libc", "libdl", "libm", "libmvec", "libpthread", "libresolv", "librt", "libutil"}

# The driver belongs to the kernel of the machine that it runs on.
CUDA_DRIVER = {"libcuda", "libnvidia-ml"}


def refuse(sentence):
    sys.exit("accelerate_package: " + sentence)


def is_on_every_machine(library):
    return library.startswith("ld-linux") or library.split(".so")[0] in C_LIBRARY | CUDA_DRIVER


def first_bytes(path):
    with open(path, "rb") as file:
        return file.read(17)


def is_elf(path):
    return first_bytes(path).startswith(b"\x7fELF")


def is_executable(path):
    """The permission alone does not tell: Bazel gives it to all that it makes."""
    begin = first_bytes(path)
    is_program = begin.startswith(b"#!") or (begin.startswith(b"\x7fELF") and begin[16] in (2, 3))
    return is_program and bool(os.stat(path).st_mode & stat.S_IXUSR)


def needed_libraries(path):
    dynamic = subprocess.run(["readelf", "-dW", path], check=True, capture_output=True, text=True).stdout
    return [line.split("[")[1].rstrip("]") for line in dynamic.splitlines() if "(NEEDED)" in line]


def files_of(source, path):
    """Each file with its path in the archive: the source itself, or all that is in it where it is a folder."""
    if not os.path.isdir(source):
        return [(path, source)]
    files = []
    for folder, subfolders, names in os.walk(source, followlinks=True):
        inside = os.path.realpath(folder)
        for name in subfolders:
            if (inside + "/").startswith(os.path.realpath(os.path.join(folder, name)) + "/"):
                refuse("%s is a link to a folder that it is in" % os.path.join(folder, name))
        files += [
            (os.path.join(path, os.path.relpath(os.path.join(folder, name), source)), os.path.join(folder, name))
            for name in names
        ]
    for _, file in files:
        if not os.path.exists(file):
            refuse("%s is a link to nothing" % file)
    return files


def notice_of(library):
    """What the library's Debian package says about its licences, with the package's name; None where there is none."""
    if not shutil.which("dpkg-query"):
        return None
    owners = subprocess.run(["dpkg-query", "-S", "*/" + os.path.basename(library)], capture_output=True, text=True).stdout
    for line in owners.splitlines():
        package, _, path = line.partition(": ")
        name = package.split(":")[0]
        notice = "/usr/share/doc/%s/copyright" % name
        if os.path.realpath(path) == library and os.path.exists(notice):
            return name, notice
    return None


def with_search_path(program, search_path, folder):
    """A copy that looks for libraries there. RPATH, not RUNPATH: it serves the libraries' own libraries too."""
    copy = os.path.join(folder, os.path.basename(program))
    shutil.copyfile(program, copy)
    os.chmod(copy, 0o755)
    subprocess.run(["patchelf", "--force-rpath", "--set-rpath", search_path, copy], check=True)
    return copy


def add_loaded_libraries(entries, contents):
    found = {os.path.basename(path) for path in entries if path.startswith(contents["libraries"] + "/")}
    unread = [source for source in entries.values() if is_elf(source)]
    while unread:
        user = unread.pop()
        for library in needed_libraries(user):
            if library in found or library in contents["elsewhere"] or is_on_every_machine(library):
                continue
            answer = subprocess.run([contents["compiler"], "-print-file-name=" + library],
                                    check=True, capture_output=True, text=True).stdout.strip()
            if not os.path.isabs(answer):
                refuse("%s loads %s, which is neither among the program's libraries nor where %s finds those of this "
                       "machine; add it to the `data` or `deps` of the program" %
                       (os.path.basename(user), library, contents["compiler"]))
            source = os.path.realpath(answer)
            found.add(library)
            entries[contents["libraries"] + "/" + library] = source
            unread.append(source)
            notice = notice_of(source)
            if notice:
                entries[contents["notices"] + "/" + notice[0]] = notice[1]


def add_common_licenses(entries, notices):
    """Adds the texts that the notices of Debian's packages name by their place on Debian, and do not repeat."""
    for path, source in list(entries.items()):
        if not path.startswith(notices + "/"):
            continue
        with open(source, encoding="utf-8", errors="replace") as file:
            names = re.findall(r"/usr/share/common-licenses/([A-Za-z0-9]+(?:-[0-9](?:\.[0-9])?)?)", file.read())
        for name in names:
            text = "/usr/share/common-licenses/" + name
            if os.path.exists(text):
                entries[notices + "/common-licenses/" + name] = text


def write(archive, entries):
    with tarfile.open(archive, "w", format=tarfile.GNU_FORMAT) as tar:
        for path, source in sorted(entries.items()):
            information = tarfile.TarInfo(path)
            information.size = os.path.getsize(source)
            information.mode = 0o755 if is_executable(source) else 0o644
            with open(source, "rb") as file:
                tar.addfile(information, file)


def main():
    contents_file, archive = sys.argv[1:]
    with open(contents_file) as file:
        contents = json.load(file)
    if contents["programs"] and not shutil.which("patchelf"):
        refuse("patchelf is not installed. Run ./bazelw once, which installs it, or: apt-get install patchelf")
    entries = {}
    for path, source in (entry for pair in contents["files"] for entry in files_of(*pair)):
        if entries.setdefault(path, source) != source:
            refuse("%s and %s would both be %s; rename one" % (entries[path], source, path))
    with tempfile.TemporaryDirectory() as folder:
        for number, (path, search_path) in enumerate(sorted(contents["programs"].items())):
            place = os.path.join(folder, str(number))
            os.mkdir(place)
            entries[path] = with_search_path(entries[path], search_path, place)
        if contents["libraries"]:
            add_loaded_libraries(entries, contents)
        add_common_licenses(entries, contents["notices"])
        write(archive, entries)


main()

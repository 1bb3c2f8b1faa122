"""What a reader has to know of the machine that figures come from."""

import os
import pathlib
import platform
import re
import subprocess


def first_match(pattern, file, otherwise="unknown"):
    try:
        found = re.search(pattern, pathlib.Path(file).read_text(), re.MULTILINE)
    except OSError:
        return otherwise
    return found[1].strip() if found else otherwise


def commit(folder):
    """With a mark where files were changed since; None where git knows nothing."""
    def git(*words):
        ended = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True)
        return ended.stdout.strip() if ended.returncode == 0 else None

    try:
        found = git("rev-parse", "--short", "HEAD")
        return found and found + (" with changes" if git("status", "--porcelain", "--untracked-files=no") else "")
    except OSError:
        return None


def facts():
    """Name and value of each."""
    cores = len(os.sched_getaffinity(0))
    kib = int(first_match(r"^MemTotal: +(\d+)", "/proc/meminfo", "0"))
    return {
        "processor": f"{first_match(r'^model name.*: (.*)', '/proc/cpuinfo', platform.machine())}, {cores} cores",
        "memory": f"{kib / 2**20:.0f} GiB",
        "system": f"{first_match(r'^PRETTY_NAME=(.*)', '/etc/os-release').strip(chr(34))}, Linux {platform.release()}",
        "load average": f"{os.getloadavg()[0]:.2f} over the minute before",
    }

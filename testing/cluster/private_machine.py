"""Runs a test in namespaces of its own: processes, network, host name and mounts.

    if __name__ == "__main__":
        private_machine.enter({"node1": private_machine.ADDRESS})
        unittest.main()

Whatever the test starts ends with it, also when the test is killed, and nobody else sees its ports. Needs root.
"""

import os
import pathlib
import shutil
import subprocess
import sys

TOOLS = ["setpriv", "unshare", "nsenter", "ip", "mount", "hostname"]
_PIPES = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}

# Of the machine in its network.
ADDRESS = "10.11.12.1"

_INSIDE = "TEST_IS_ON_A_PRIVATE_MACHINE"


def _obstacle(tools):
    if os.geteuid() != 0:
        return "it is not run by root"
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if missing:
        return "this machine lacks " + ", ".join(missing)
    tried = "mount -t tmpfs none /mnt && ip link add probe type veth peer name other"
    unshared = subprocess.run(["unshare", "--pid", "--net", "--mount", "--uts", "--fork", "sh", "-c", tried],
                              capture_output=True)
    return "namespaces cannot be made here: " + unshared.stderr.decode().strip() if unshared.returncode else ""


def enter(hosts, tools=()):
    """Goes on in new namespaces, on a machine that is called by the first of the hosts, and knows the address of each.
    Where that cannot be, or a tool is missing, says so and ends the test."""
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    if os.environ.get(_INSIDE) is None:
        obstacle = _obstacle([*TOOLS, *tools])
        if obstacle:
            print("SKIPPED:", obstacle)
            sys.exit(0)
        os.environ[_INSIDE] = "1"
        namespaces = ["unshare", "--pid", "--net", "--mount", "--uts", "--fork", "--kill-child"]
        os.execvp("setpriv", ["setpriv", "--pdeathsig", "KILL", *namespaces, sys.executable, *sys.argv])
    _set_up(hosts)


def second_host(name, address):
    """Starts another machine in the network, which has only that and its name for itself. Returns what a command is to
    begin with to run there; it ends with the test."""
    holder = subprocess.Popen(["unshare", "--net", "--uts", "sh", "-c", "echo; exec cat"], **_PIPES)
    holder.stdout.readline()
    there = ["nsenter", f"--target={holder.pid}", "--net", "--uts"]
    _run("ip", "link", "set", "outside", "netns", str(holder.pid))
    _run(*there, "hostname", name)
    _run(*there, "ip", "link", "set", "lo", "up")
    _run(*there, "ip", "address", "add", f"{address}/24", "dev", "outside")
    _run(*there, "ip", "link", "set", "outside", "up")
    return holder, there


def _run(*command):
    subprocess.run(command, check=True)


def _set_up(hosts):
    _run("mount", "-t", "proc", "proc", "/proc")
    _run("ip", "link", "set", "lo", "up")
    # With no address but the loopback's, names are not looked up (AI_ADDRCONFIG).
    _run("ip", "link", "add", "outside", "type", "veth", "peer", "name", "inside")
    _run("ip", "address", "add", f"{ADDRESS}/24", "dev", "inside")
    _run("ip", "link", "set", "inside", "up")
    _run("hostname", next(iter(hosts)))
    known = pathlib.Path(os.environ["TEST_TMPDIR"]) / "hosts"
    lines = ["127.0.0.1 localhost", *(f"{address} {name}" for name, address in hosts.items())]
    known.write_text("\n".join(lines) + "\n")
    _run("mount", "--bind", str(known), "/etc/hosts")

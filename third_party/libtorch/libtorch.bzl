"""Finds a supported version of LibTorch, in this order:

1. the folder that LIBTORCH names in the environment (it holds include/ and lib/);
2. the installed Python package torch, for the python3 on the PATH;
3. the pinned wheels through pip, their hashes checked, unpacked once per user below
   ${XDG_CACHE_HOME:-~/.cache}/accelerate.

--repo_env=LIBTORCH_VERSION=2.11 asks for one version; an installed package of another version is then ignored.
@libtorch//:version.bzl says which version was found.

@libtorch holds the CPU half and is all that a CPU build fetches; @libtorch_cuda holds the GPU half and is
fetched only by --config=cuda.
"""

# The versions that are built and tested, as they are fetched, from the oldest to the default.
PINNED = ["2.11.0", "2.12.1", "2.13.0", "2.14.1", "2.15.0"]
DEFAULT = PINNED[-1]

_ENVIRONMENT = ["LIBTORCH", "LIBTORCH_VERSION", "CUDA_HOME", "XDG_CACHE_HOME", "HOME", "PATH"]

_FIND_PYTHON_PACKAGE = """
import importlib.metadata as metadata
try:
    package = metadata.distribution("torch")
    print(package.version.split("+")[0], package.locate_file("torch"))
except metadata.PackageNotFoundError:
    pass
"""

def _read_version(ctx, torch):
    header = ctx.path(torch + "/include/torch/headeronly/version.h")
    if not header.exists:
        return None
    parts = {}
    for line in ctx.read(header).splitlines():
        words = line.split(" ")
        if line.startswith("#define TORCH_VERSION_") and len(words) == 3:
            parts[words[1][len("TORCH_VERSION_"):]] = words[2]
    return "%s.%s.%s" % (parts["MAJOR"], parts["MINOR"], parts["PATCH"])

def _minor(version):
    """2.11 of 2.11.0."""
    return ".".join(version.split(".")[:2])

def _supported():
    return ", ".join([_minor(version) for version in PINNED])

def _asked_for(ctx):
    """The pinned version that LIBTORCH_VERSION asks for; None if any version will do."""
    version = ctx.os.environ.get("LIBTORCH_VERSION")
    if not version:
        return None
    for pinned in PINNED:
        if version in [pinned, _minor(pinned)]:
            return pinned
    fail("LIBTORCH_VERSION=%s is not among the versions that this project is tested with: %s." % (version, _supported()))

def _is_fit(ctx, version):
    asked_for = _asked_for(ctx)
    fit = [asked_for] if asked_for else PINNED
    return _minor(version) in [_minor(each) for each in fit]

def _explicit(ctx, folder):
    if not folder.startswith("/"):
        fail("LIBTORCH=%s is relative, and it is not known to which folder. Give the whole path." % folder)
    found = _read_version(ctx, folder)
    if not found:
        fail(("LIBTORCH=%s holds no LibTorch: include/torch/headeronly/version.h is missing. Set it to the " +
              "folder that holds include/ and lib/, or unset it.") % folder)
    if not _is_fit(ctx, found):
        fail("LIBTORCH=%s is LibTorch %s, but this project needs one of %s. Point it elsewhere, or unset it." %
             (folder, found, _asked_for(ctx) or _supported()))
    return folder

def _installed(ctx):
    python = ctx.which("python3")
    if not python:
        return None
    result = ctx.execute([python, "-c", _FIND_PYTHON_PACKAGE])
    words = result.stdout.strip().split(" ", 1)
    if result.return_code != 0 or len(words) != 2 or not _is_fit(ctx, words[0]):
        return None

    # Other distributions of it may consist of links to the headers and libraries of a whole system.
    library = ctx.path(words[1] + "/lib/libtorch_cpu.so")
    is_whole = library.exists and str(library.realpath).startswith(str(ctx.path(words[1]).realpath) + "/")
    return words[1] if is_whole and _read_version(ctx, words[1]) else None

def _fetched(ctx, wheels, version = None):
    """Fetches the pinned wheels of `version`, else of the one asked for, else of the default. Returns their folder."""
    python = ctx.which("python3")
    if not python:
        fail("LibTorch cannot be fetched without python3. Run ./bazelw once, which installs it.")

    # An environment may have none, such as those that uv makes.
    if ctx.execute([python, "-m", "pip", "--version"]).return_code != 0 and ctx.path("/usr/bin/python3").exists:
        python = "/usr/bin/python3"
    cache = ctx.os.environ.get("XDG_CACHE_HOME") or ctx.os.environ.get("HOME", "/root") + "/.cache"
    version = version or _asked_for(ctx) or DEFAULT
    requirements = ctx.path(Label("//third_party/libtorch:wheels/%s_%s.txt" % (version, wheels)))
    script = ctx.path(Label("//third_party/libtorch:fetch_wheels.py"))
    ctx.report_progress("LibTorch %s for the %s, downloaded once" % (version, wheels))
    result = ctx.execute([python, script, requirements, cache + "/accelerate"], timeout = 3600)
    if result.return_code != 0:
        fail(result.stderr.strip().splitlines()[-1] if result.stderr.strip() else "LibTorch could not be fetched")
    return result.stdout.strip()

def _find_torch(ctx, wheels):
    explicit = ctx.os.environ.get("LIBTORCH")
    if explicit:
        return _explicit(ctx, explicit)
    return _installed(ctx) or _fetched(ctx, wheels) + "/torch"

def _loaded(ctx, library):
    """The names of the libraries that a library loads."""
    result = ctx.execute(["readelf", "-d", library], environment = {"LC_ALL": "C"})
    if result.return_code != 0:
        fail("readelf of the package binutils could not read %s: %s" % (library, result.stderr.strip()))
    return [line.split("[")[1].split("]")[0] for line in result.stdout.splitlines() if "(NEEDED)" in line]

def _library_folders(ctx, torch):
    """Where the libraries are that LibTorch brings, and those of CUDA."""
    nvidia = ctx.path(torch).dirname.get_child("nvidia")
    packages = nvidia.readdir() if nvidia.exists else []
    toolkit = ctx.os.environ.get("CUDA_HOME", "/usr/local/cuda")
    return ([torch + "/lib"] + [str(package) + "/lib" for package in packages] +
            [toolkit + "/lib64", toolkit + "/extras/CUPTI/lib64"])

def _link_first(ctx, name, folders):
    for folder in folders:
        if ctx.path(folder + "/" + name).exists:
            ctx.symlink(folder + "/" + name, "lib/" + name)
            return True
    return False

def _libtorch_impl(ctx):
    torch = _find_torch(ctx, "cpu")
    ctx.symlink(torch + "/include", "include")
    ctx.file("version.bzl", "# Of this LibTorch.\nVERSION = %r\n" % _read_version(ctx, torch))
    for name in ["libtorch_cpu.so", "libc10.so"]:
        if not _link_first(ctx, name, [torch + "/lib"]):
            fail("%s/lib/%s is missing: this LibTorch is incomplete. Remove it, or set LIBTORCH to a whole one." % (torch, name))

    # What else it loads, under the names of its own build: OpenMP, and in a build for GPUs the CUDA runtime. What is not
    # found here is the system's.
    folders = _library_folders(ctx, torch)
    for name in _loaded(ctx, torch + "/lib/libtorch_cpu.so"):
        is_found = name == "libc10.so" or _link_first(ctx, name, folders)
        if not is_found and name.startswith("libcu"):
            fail(("%s/lib/libtorch_cpu.so loads %s, which is neither beside it nor in the CUDA toolkit. Install the " +
                  "toolkit and set CUDA_HOME, or unset LIBTORCH to have it all fetched.") % (torch, name))
    ctx.symlink(Label("//third_party/libtorch:libtorch.BUILD"), "BUILD")

# `local`: whoever changes the installed package needs only a new Bazel server, as after `bazel shutdown`.
libtorch = repository_rule(implementation = _libtorch_impl, environ = _ENVIRONMENT, local = True)

# The libraries that libtorch_cuda loads, directly or indirectly. The wheels contain more, such as libnvblas, which
# would replace the CPU's BLAS in a program linked with it; the CUDA runtime is in @libtorch.
_LOADED_BY_CUDA = [
    "libcublas",
    "libcublasLt",
    "libcudnn",
    "libcufft",
    "libcufile",
    "libcurand",
    "libcusolver",
    "libcusparse",
    "libcusparseLt",
    "libnccl",
    "libnvJitLink",
    "libnvrtc",
    "libnvrtc-builtins",
    "libnvshmem_host",
]

def _libtorch_cuda_impl(ctx):
    torch = _find_torch(ctx, "cuda")
    sites = [str(ctx.path(torch).dirname)]
    for name in ["libtorch_cuda.so", "libc10_cuda.so", "libtorch_nvshmem.so"]:
        if not _link_first(ctx, name, [torch + "/lib"]):
            fail(("%s/lib/%s is missing: --config=cuda needs a LibTorch with CUDA. Uninstall the Python package torch, so " +
                  "that the right one is fetched, or set LIBTORCH to one with CUDA.") % (torch, name))
    if "libcudart.so.13" not in _loaded(ctx, torch + "/lib/libc10_cuda.so"):
        fail(("--config=cuda needs a LibTorch for CUDA 13, and that in %s is for another. Uninstall the Python package " +
              "torch, so that the right one is fetched, or set LIBTORCH to one for CUDA 13.") % torch)
    if not ctx.path(sites[0] + "/nvidia/nccl/include/nccl.h").exists or not ctx.path(sites[0] + "/nvidia/cudnn").exists:

        # Take the missing parts from the pinned wheels of the same version.
        minor = _minor(_read_version(ctx, torch))
        sites.append(_fetched(ctx, "cuda", [each for each in PINNED if _minor(each) == minor][0]))
    ctx.symlink(sites[-1] + "/nvidia/nccl/include", "include")

    # A program loads all of these when it starts, even if there is no GPU.
    for site in sites:
        if not ctx.path(site + "/nvidia").exists:
            continue
        for package in ctx.path(site + "/nvidia").readdir():
            libraries = package.get_child("lib")
            for library in libraries.readdir() if libraries.exists else []:
                name = library.basename
                loaded = name.split(".so")[0] in _LOADED_BY_CUDA or name.startswith("libcudnn_")
                if loaded and not ctx.path("lib/" + name).exists:
                    ctx.symlink(library, "lib/" + name)
    ctx.symlink(Label("//third_party/libtorch:libtorch_cuda.BUILD"), "BUILD")

libtorch_cuda = repository_rule(implementation = _libtorch_cuda_impl, environ = _ENVIRONMENT, local = True)

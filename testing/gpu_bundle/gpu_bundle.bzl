"""gpu_bundle: one archive with programs and their data, for a machine that has a GPU and no Bazel.

    gpu_bundle(
        name = "gpu_bundle",
        benchmarks = ["//kernels/cuda_test:cuda_benchmark"],
        examples = {"//train:my_model": "capture"},
        tests = ["//kernels/cuda_test"],
        target_compatible_with = requires_cuda(),
    )

Its script `run` runs them against the LibTorch of a Python torch, which is therefore not in the archive.
"""

load("@bazel_tools//tools/cpp:toolchain_utils.bzl", "find_cpp_toolchain")
load("@libtorch//:version.bzl", "VERSION")

_LISTS = ["tests", "sanitized", "examples", "benchmarks", "programs"]

_Environment = provider(doc = "The variables that a rule's `env` sets.", fields = ["variables"])

def _environment_impl(target, ctx):
    data = getattr(ctx.rule.attr, "data", [])
    variables = getattr(ctx.rule.attr, "env", {})
    return [_Environment(variables = {name: ctx.expand_location(value, data) for name, value in variables.items()})]

_environment = aspect(implementation = _environment_impl)

def _path_in_bundle(ctx, file):
    # Bazel's own layout, in which programs find their data. A path of another repository begins with ../
    path = file.short_path
    return "runfiles/" + (path[3:] if path.startswith("../") else ctx.workspace_name + "/" + path)

def _lists(ctx):
    """The programs of each list by their short names, which a person types."""
    lists = {}
    owners = {}
    for attribute in _LISTS:
        lists[attribute] = {}
        for target in getattr(ctx.attr, attribute):
            name = target.label.name
            if owners.setdefault(name, target.label) != target.label:
                fail("gpu_bundle: %s and %s have one name; rename one" % (owners[name], target.label))
            lists[attribute][name] = target[DefaultInfo].files_to_run.executable.short_path
    for name in lists["sanitized"]:
        if name not in lists["tests"]:
            fail("gpu_bundle: %s is in `sanitized` and not in `tests`; put it in both" % owners[name])
    return lists

def _gpu_bundle_impl(ctx):
    variables = {target.label.name: target[_Environment].variables for target in ctx.attr.tests}
    contents = ctx.actions.declare_file(ctx.label.name + ".json")
    flags = {target.label.name: flags.split(" ") if flags else [] for target, flags in ctx.attr.examples.items()}
    ctx.actions.write(contents, json.encode(struct(
        torch = VERSION,
        workspace = ctx.workspace_name,
        example_flags = flags,
        test_environment = variables,
        **_lists(ctx)
    )))
    paths = {ctx.file._run: "run", contents: "contents.json"}
    for file in ctx.files.libraries:
        paths[file] = "lib/" + file.basename
    for target in [target for attribute in _LISTS + ["data"] for target in getattr(ctx.attr, attribute)]:
        for files in [target[DefaultInfo].files, target[DefaultInfo].default_runfiles.files]:
            for file in files.to_list():
                # Leaves out the libraries of LibTorch and CUDA that programs load.
                if not file.short_path.startswith("_solib"):
                    paths[file] = _path_in_bundle(ctx, file)

        # What Bazel's newer versions read to find a repository's data by its name.
        mapping = getattr(target[DefaultInfo].files_to_run, "repo_mapping_manifest", None)
        if mapping:
            paths[mapping] = "runfiles/_repo_mapping"

    files = ctx.actions.declare_file(ctx.label.name + ".files")
    ctx.actions.write(files, "".join(["%s\t%s\n" % (file.path, path) for file, path in paths.items()]))
    archive = ctx.actions.declare_file(ctx.label.name + ".tar.gz")
    toolchain = find_cpp_toolchain(ctx)
    ctx.actions.run(
        executable = ctx.executable._pack,
        arguments = [archive.path, files.path, str(ctx.attr.most_megabytes), toolchain.strip_executable],
        inputs = depset([files] + paths.keys(), transitive = [toolchain.all_files]),
        outputs = [archive],
        mnemonic = "GpuBundle",
        progress_message = "Packing %s" % archive.short_path,
    )
    return [DefaultInfo(files = depset([archive]))]

gpu_bundle = rule(
    implementation = _gpu_bundle_impl,
    toolchains = ["@bazel_tools//tools/cpp:toolchain_type"],
    attrs = {
        "benchmarks": attr.label_list(doc = "Programs that print figures and need no arguments."),
        "data": attr.label_list(allow_files = True, doc = "Scripts, and what they read."),
        "examples": attr.label_keyed_string_dict(
            doc = "accelerate_binary targets, run as tests in every precision; and again with each of these flags.",
        ),
        "libraries": attr.label_list(allow_files = True, doc = "Shared libraries to load beside LibTorch's."),
        "most_megabytes": attr.int(default = 50, doc = "The largest archive that may be built."),
        "programs": attr.label_list(doc = "What scripts in `data` start."),
        "sanitized": attr.label_list(doc = "Those of `tests` that are worth a run under compute-sanitizer."),
        "tests": attr.label_list(doc = "googletest programs, with what their `env` sets.", aspects = [_environment]),
        "_cc_toolchain": attr.label(default = "@bazel_tools//tools/cpp:current_cc_toolchain"),
        "_pack": attr.label(
            default = "//testing/gpu_bundle:pack.sh",
            executable = True,
            cfg = "exec",
            allow_single_file = True,
        ),
        "_run": attr.label(default = "//testing/gpu_bundle:run.py", allow_single_file = True),
    },
)

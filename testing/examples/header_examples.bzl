"""header_examples: compiles the examples in the opening comments of headers, and links nothing.

    header_examples(
        name = "kernels",
        folders = ["kernels"],
        roots = ["//kernels/pack:pack_chunk"],
    )

The headers are those in `folders` of all targets that a root depends on, however private they are: a new one is found
without being named anywhere. extract.py says what an example looks like.
"""

load("@rules_cc//cc:defs.bzl", "cc_library")
load("//third_party/cuda:cuda_library.bzl", "cuda_library", "requires_cuda")

_Headers = provider(fields = {
    "context": "CcInfo: what compiles with all of the headers",
    "headers": "depset of files",
    "public": "depset of those of them that are in hdrs",
})

_EDGES = ["deps", "actual"]

def _collect_impl(target, ctx):
    found = []
    for edge in _EDGES:
        value = getattr(ctx.rule.attr, edge, None) or []
        found += [dep for dep in (value if type(value) == "list" else [value]) if _Headers in dep]
    own = [
        file
        for attribute in ["hdrs", "srcs"]
        for file in getattr(ctx.rule.files, attribute, [])
        if file.extension == "h" and file.is_source and not target.label.workspace_name
    ]
    direct = [CcInfo(compilation_context = cc_common.create_compilation_context(headers = depset(own)))]
    return [_Headers(
        context = cc_common.merge_cc_infos(
            direct_cc_infos = direct + ([target[CcInfo]] if CcInfo in target else []),
            cc_infos = [dep[_Headers].context for dep in found],
        ),
        headers = depset(own, transitive = [dep[_Headers].headers for dep in found]),
        public = depset(
            [file for file in getattr(ctx.rule.files, "hdrs", []) if file in own],
            transitive = [dep[_Headers].public for dep in found],
        ),
    )]

_collect = aspect(
    implementation = _collect_impl,
    attr_aspects = _EDGES,
)

def _extracted_impl(ctx):
    headers = {}
    public = {
        header: True
        for root in ctx.attr.roots
        for header in root[_Headers].public.to_list()
    }
    for root in ctx.attr.roots:
        for header in root[_Headers].headers.to_list():
            for folder in ctx.attr.folders:
                if (header.short_path + "/").startswith(folder + "/"):
                    headers[header.short_path] = header
    for path in ctx.attr.without:
        headers.pop(path, None)
    files = [headers[path] for path in sorted(headers.keys())]
    listing = ctx.actions.declare_file(ctx.label.name + ".headers")
    ctx.actions.write(listing, "".join([
        "%s %s\n" % ("public" if file in public else "private", file.short_path)
        for file in files
    ]))
    arguments = ctx.actions.args()
    arguments.add(ctx.outputs.source)
    arguments.add_all(ctx.files.given)
    arguments.add_all(files)
    ctx.actions.run(
        executable = ctx.executable._extract,
        arguments = [arguments],
        inputs = files + ctx.files.given,
        outputs = [ctx.outputs.source],
        mnemonic = "ExtractExamples",
        use_default_shell_env = True,
    )
    return [
        DefaultInfo(files = depset([listing]), runfiles = ctx.runfiles([listing])),
        cc_common.merge_cc_infos(cc_infos = [root[_Headers].context for root in ctx.attr.roots]),
    ]

_extracted = rule(
    implementation = _extracted_impl,
    attrs = {
        "folders": attr.string_list(mandatory = True),
        "given": attr.label_list(allow_files = [".h"]),
        "roots": attr.label_list(mandatory = True, aspects = [_collect]),
        "source": attr.output(mandatory = True),
        "without": attr.string_list(),
        "_extract": attr.label(
            default = "//testing/examples:extract.py",
            allow_single_file = True,
            cfg = "exec",
            executable = True,
        ),
    },
)

def header_examples(name, folders, roots, without = [], deps = [], local_defines = [], cuda = False):
    """See the head of this file. NAME.headers lists what was compiled.

    Args:
      name: name of the target.
      folders: where the headers are; or single ones.
      roots: targets; their headers are compiled, and those of all they depend on.
      without: headers that are left out.
      deps: what else the given declarations include.
      local_defines: as in cc_library.
      cuda: whether nvcc compiles them, in a build with CUDA only.
    """
    source = name + (".cu" if cuda else ".cc")
    _extracted(
        name = name + "_source",
        testonly = True,
        folders = folders,
        given = native.glob(["given/*.h"]),
        roots = roots,
        source = source,
        target_compatible_with = requires_cuda() if cuda else [],
        without = without,
    )
    if cuda:
        cuda_library(
            name = name,
            testonly = True,
            srcs = [source],
            deps = deps + [name + "_source"],
        )
    else:
        cc_library(
            name = name,
            testonly = True,
            srcs = [source],
            # They never run, and an example may leave its results for the reader to use.
            copts = ["-O0", "-w"],
            linkstatic = True,
            local_defines = local_defines,
            deps = deps + [name + "_source"],
        )

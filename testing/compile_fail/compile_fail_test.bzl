"""compile_fail_test: passes when a source does not compile, and the compiler says why in our words."""

load("@bazel_tools//tools/cpp:toolchain_utils.bzl", "find_cpp_toolchain")

def _compile_fail_test_impl(ctx):
    toolchain = find_cpp_toolchain(ctx)
    context = cc_common.merge_cc_infos(cc_infos = [dep[CcInfo] for dep in ctx.attr.deps]).compilation_context
    log = ctx.actions.declare_file(ctx.label.name + ".log")

    arguments = ctx.actions.args()
    arguments.add_all(["-std=c++20", "-fsyntax-only"])
    arguments.add_all(ctx.attr.local_defines, format_each = "-D%s")
    arguments.add_all(context.quote_includes, before_each = "-iquote")
    arguments.add_all(context.includes, format_each = "-I%s")
    arguments.add_all(context.system_includes, before_each = "-isystem")
    arguments.add_all(ctx.files.srcs)
    ctx.actions.run_shell(
        command = "log=$1 compiler=$2; shift 2; \"$compiler\" \"$@\" >\"$log\" 2>&1 && echo 'it compiled' >>\"$log\"; true",
        arguments = [log.path, toolchain.compiler_executable, arguments],
        inputs = depset(ctx.files.srcs, transitive = [context.headers, toolchain.all_files]),
        outputs = [log],
        mnemonic = "CompileFail",
        progress_message = "Compiling %s, which must fail" % ctx.label,
        use_default_shell_env = True,
    )

    script = ["#!/bin/sh", "failed=0"]
    for message in ctx.attr.messages:
        script.append("grep -qF -- '%s' '%s' || { echo \"not in the compiler's output: %s\"; failed=1; }" %
                      (message, log.short_path, message))
    script.append("[ $failed = 0 ] || cat '%s'; exit $failed" % log.short_path)
    ctx.actions.write(ctx.outputs.executable, "\n".join(script), is_executable = True)
    return [DefaultInfo(runfiles = ctx.runfiles([log]))]

compile_fail_test = rule(
    implementation = _compile_fail_test_impl,
    test = True,
    toolchains = ["@bazel_tools//tools/cpp:toolchain_type"],
    attrs = {
        "deps": attr.label_list(providers = [CcInfo]),
        "local_defines": attr.string_list(),
        "messages": attr.string_list(mandatory = True, doc = "What the compiler must print, each somewhere."),
        "srcs": attr.label_list(allow_files = [".cc"], mandatory = True),
        "_cc_toolchain": attr.label(default = "@bazel_tools//tools/cpp:current_cc_toolchain"),
    },
)

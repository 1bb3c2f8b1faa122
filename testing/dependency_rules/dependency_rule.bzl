"""dependency_rule_test: a test on what a part of the tree depends on, in the configuration of the build.

It does not use genquery, which follows both sides of every select() and so would fetch CUDA's libraries for a CPU
build.
"""

_Labels = provider(fields = ["labels"])

def _name_of(label):
    """@repository//package:name, whatever this Bazel puts around the name of a repository; this one has no name."""
    repository = label.workspace_name.replace("~", "+").split("+")[-1]
    if repository in ["_main", "accelerate"]:
        repository = ""
    return "%s//%s:%s" % ("@" + repository if repository else "", label.package, label.name)

def _collect_impl(target, ctx):
    deps = getattr(ctx.rule.attr, "deps", []) + [getattr(ctx.rule.attr, "actual", None)]
    return [_Labels(labels = depset(
        [_name_of(target.label)],
        transitive = [dep[_Labels].labels for dep in deps if dep and _Labels in dep],
    ))]

_collect = aspect(
    implementation = _collect_impl,
    attr_aspects = ["deps", "actual"],
)

def _dependency_rule_test_impl(ctx):
    found = {}
    for target in ctx.attr.targets:
        for label in target[_Labels].labels.to_list():
            for prefix in ctx.attr.forbidden:
                if label.startswith(prefix):
                    found[label] = True
    script = ["#!/bin/sh"]
    if ctx.attr.is_control:
        if not found:
            script.append("echo 'nothing forbidden was found here: the rules see nothing'")
            script.append("exit 1")
    elif found:
        script.append("echo 'these must not be used here:'")
        script.extend(["echo '  %s'" % label for label in sorted(found)])
        script.append("exit 1")
    ctx.actions.write(ctx.outputs.executable, "\n".join(script) + "\n", is_executable = True)
    return []

dependency_rule_test = rule(
    implementation = _dependency_rule_test_impl,
    test = True,
    attrs = {
        "is_control": attr.bool(doc = "Passes only where something forbidden is reached: shows that a rule would see it."),
        "forbidden": attr.string_list(mandatory = True, doc = "Beginnings of labels that must not be reached."),
        "targets": attr.label_list(mandatory = True, aspects = [_collect], doc = "What stands for a part of the tree."),
    },
)

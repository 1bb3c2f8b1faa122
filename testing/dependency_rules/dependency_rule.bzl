"""dependency_rule: a test on `bazel query` that a part of the tree does not use another."""

def dependency_rule(name, targets, forbidden):
    """Fails when one of the targets depends, at any distance, on a label that matches.

    Args:
      name: says the rule in words.
      targets: labels that stand for a part of the tree.
      forbidden: a regular expression over labels.
    """
    native.genquery(
        name = name + "_found",
        testonly = True,
        expression = "filter('%s', deps(%s))" % (forbidden, " + ".join(targets)),
        scope = targets,
        strict = False,
    )
    native.sh_test(
        name = name + "_test",
        size = "small",
        srcs = ["nothing_found.sh"],
        args = ["$(location :%s_found)" % name],
        data = [":%s_found" % name],
    )

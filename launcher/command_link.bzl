"""command_link: a program under a second name, by which it can tell what it is asked to do.

    command_link(
        name = "accelerate-launch",
        program = ":accelerate",
    )
"""

def _command_link_impl(ctx):
    link = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.symlink(output = link, target_file = ctx.executable.program, is_executable = True)
    return [DefaultInfo(
        executable = link,
        runfiles = ctx.runfiles().merge(ctx.attr.program[DefaultInfo].default_runfiles),
    )]

command_link = rule(
    implementation = _command_link_impl,
    executable = True,
    attrs = {
        "program": attr.label(mandatory = True, executable = True, cfg = "target", doc = "What the link leads to."),
    },
)

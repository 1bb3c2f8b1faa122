"""What a Debian package says about its licences, for those who pass on what is linked with it."""

def link_notice(ctx, package):
    """Links it to debian_notice/PACKAGE in the repository that is being made, where the machine has it.

    The library that it belongs to has it as `data`; //accelerate/packaging looks for it there.
    """
    notice = "/usr/share/doc/%s/copyright" % package
    if ctx.path(notice).exists:
        ctx.symlink(notice, "debian_notice/" + package)

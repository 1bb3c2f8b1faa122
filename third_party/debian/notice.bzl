"""The notice of a Debian package about its licences, for those who distribute what is linked with the package."""

def link_notice(ctx, package):
    """Links it to debian_notice/PACKAGE in the repository that is being made, if the machine has it.

    The library that it belongs to lists it as `data`; //accelerate/packaging looks for it there.
    """
    notice = "/usr/share/doc/%s/copyright" % package
    if ctx.path(notice).exists:
        ctx.symlink(notice, "debian_notice/" + package)

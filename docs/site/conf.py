"""Sphinx's settings. build.py gives those with the version."""

project = "Accelerate for C++"
extensions = ["myst_parser"]
root_doc = "index"
source_suffix = {".md": "markdown"}

myst_enable_extensions = ["colon_fence"]
# The anchors of GitHub, so that links work there and here.
myst_heading_anchors = 6
# A page that is copied, by its place beside the one that links to it.
myst_url_schemes = {"http": None, "https": None, "mailto": None, "page": {"url": "{{path}}"}}
highlight_language = "text"
cpp_maximum_signature_line_length = 130
toc_object_entries_show_parents = "hide"

html_theme = "furo"
html_theme_options = {"navigation_with_keys": True}
pygments_dark_style = "github-dark"
html_static_path = ["static"]
html_css_files = ["site.css"]
# Beside the documents, of which it is one.
html_extra_path = ["extra"]
html_show_sphinx = False
html_show_copyright = False
html_show_sourcelink = False
html_copy_source = False
html_permalinks_icon = "#"

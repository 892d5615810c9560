"""How Sphinx builds the documentation; `make docs` runs it with warnings as errors."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from fewslice import __version__

if TYPE_CHECKING:
    import click
    from sphinx.application import Sphinx

project = "fewslice"
author = "the authors of fewslice"
version = release = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "numpydoc",
    "sphinx_click",
]
exclude_patterns = ["_build", "results/after", "results/before"]  # the latter is raw output

smartquotes = False  # "--labels" is an option, no dash
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
numpydoc_show_class_members = False
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True

python_maximum_signature_line_length = 88

html_theme = "pydata_sphinx_theme"
html_title = f"fewslice {version}"
html_theme_options = {
    "show_nav_level": 2,
    "navigation_with_keys": False,
    "show_prev_next": False,
    "secondary_sidebar_items": ["page-toc"],
}
html_sidebars: dict[str, list[str]] = {"index": []}
html_show_sourcelink = False
html_static_path = ["_static"]
html_css_files = ["site.css"]


_NAME = r"[\w.~]+"
_ARRAY = re.compile(
    rf"[\w.~]*ndarray\[{_NAME}\[{_NAME}, \.\.\.\], {_NAME}\[{_NAME}(\[{_NAME}\])?\]\]"
)


def plain_defaults(app: Sphinx, context: click.Context, lines: list[str]) -> None:
    """Show the default of an option as people type it, not as Python prints it."""
    lines[:] = [re.sub(r"PosixPath\('([^']*)'\)", r"'\1'", line) for line in lines]


def short_arrays(*event: Any) -> tuple[str | None, str | None]:
    """Write "ndarray" in signatures; which kind of array it is the docstring says."""
    signature, returns = event[-2:]
    return shorter(signature), shorter(returns)


def shorter(text: str | None) -> str | None:
    """Leave out what numpy's types say of shape and dtype."""
    return text and _ARRAY.sub("ndarray", text)


def setup(app: Sphinx) -> None:
    """Connect what Sphinx has no option for."""
    app.connect("sphinx-click-process-options", plain_defaults)
    app.connect("autodoc-process-signature", short_arrays)

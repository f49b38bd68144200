"""The documentation site: `make docs` builds it from this folder, strictly and offline."""

from importlib.metadata import version as read_version
from pathlib import Path
from typing import Any

import typer
import typer.main
from docutils import nodes
from sphinx import addnodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from typer.cli import get_docs_for_click

from ventral.cli import app as cli

ROOT = Path(__file__).parents[1]

project = "Ventral"
author = "the Ventral developers"
release = version = read_version("ventral-search")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.viewcode"]
myst_enable_extensions = ["colon_fence", "dollarmath", "attrs_inline"]
myst_heading_anchors = 3
myst_url_schemes = ("http", "https", "mailto")

html_theme = "furo"
html_title = f"Ventral {release}"
html_show_sourcelink = True
html_copy_source = True
html_show_copyright = False
exclude_patterns = ["_build"]

# Docstrings are plain text: `name` is code, and types are those of the signature.
default_role = "code"
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "show-inheritance": False}
python_use_unqualified_type_names = True


class RepositoryLinks(SphinxPostTransform):
    """Links to files of the repository that the site does not have: their text and their path."""

    default_priority = 5  # before MyST looks for a page

    def run(self, **kwargs: Any) -> None:  # noqa: ARG002 - Sphinx calls it so
        """Replace them in one page; a file that is not there stays, and fails the build."""
        page = Path(self.env.doc2path(self.env.docname))
        for link in list(self.document.findall(addnodes.pending_xref)):
            target = str(link.get("reftarget")).partition("#")[0]
            if link.get("refdomain") == "doc":
                target = f"{target}.md"  # MyST takes it off what looks like a page
            file = (page.parent / target).resolve()
            if link.get("reftype") != "myst" or not file.is_relative_to(ROOT):
                continue
            if file.exists() and not file.is_relative_to(ROOT / "docs"):
                link.replace_self(name_file(link.astext(), file.relative_to(ROOT).as_posix()))


def name_file(text: str, name: str) -> nodes.inline:
    """A file by its path in the repository, after the words that linked to it."""
    path = nodes.literal("", name)
    if name.endswith(text.removeprefix("../")):
        return nodes.inline("", "", path)
    return nodes.inline("", "", nodes.Text(f"{text} ("), path, nodes.Text(")"))


def write_commands(app: Any, page: str, source: list[str]) -> None:  # noqa: ARG001 - Sphinx's call
    """Put every command with its options below the words of the page `reference/commands`."""
    if page == "reference/commands":
        command = typer.main.get_command(cli)
        context = typer.Context(command, info_name="ventral")
        text = get_docs_for_click(obj=command, ctx=context, name="ventral")
        source[0] += text.partition("\n")[2]


def setup(app: Any) -> None:
    """Called by Sphinx."""
    app.connect("source-read", write_commands)
    app.add_post_transform(RepositoryLinks)

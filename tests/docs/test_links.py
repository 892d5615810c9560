"""Links between the documents at the root lead somewhere; those of the site Sphinx checks."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINKS = [
    (page.name, link)
    for page in sorted(ROOT.glob("*.md"))
    for link in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8"))
    if "://" not in link
]


@pytest.mark.parametrize(("page", "link"), LINKS)
def test_a_link_leads_somewhere(page: str, link: str) -> None:
    assert (ROOT / link).exists(), f"{page} links to {link}"

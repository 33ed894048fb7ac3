"""The documents of the repository, read as a person reads them: fenced blocks, links, words in backticks, headings."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAIRS = {"README.md": "README.ru.md", "SETUP.md": "SETUP.ru.md"}
WITH_COMMANDS = ("README.md", "SETUP.md", "CONTRIBUTING.md", *PAIRS.values())
ALL = (
    *WITH_COMMANDS,
    *("ARCHITECTURE.md", "CHANGELOG.md"),
    *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").glob("*.md")),
)

_BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(!?)\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`\n]+)`")
_HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Document:
    """One Markdown file; ``prose`` is its text without fenced blocks."""

    name: str
    text: str

    @property
    def prose(self) -> str:
        return _BLOCK.sub("", self.text)

    def blocks(self, *languages: str) -> list[str]:
        """The fenced blocks in one of these languages, without their indent."""
        return [textwrap.dedent(body) for _, language, body in _BLOCK.findall(self.text) if language in languages]

    def section(self, heading: str) -> Document:
        """The part under a heading of the second level."""
        part = self.text.partition(f"\n## {heading}\n")[2]
        assert part, f"{self.name} has no section {heading!r}"
        return Document(f"{self.name}#{heading}", part.partition("\n## ")[0])

    def links(self) -> list[str]:
        """Where links lead, images too."""
        return [target for _, target in _LINK.findall(self.prose)]

    def code(self) -> list[str]:
        """What is in backticks."""
        return _CODE.findall(self.prose)

    def headings(self) -> list[tuple[int, str]]:
        """Level and text of each heading."""
        return [(len(marks), text) for marks, text in _HEADING.findall(self.prose)]

    def anchors(self) -> set[str]:
        """What a link may name after ``#``, as GitHub makes it from headings."""
        found = set()
        for _, text in self.headings():
            bare = re.sub(r"[^\w\- ]", "", text.replace("`", "").lower())
            found.add(bare.replace(" ", "-"))
        return found


def read(name: str) -> Document:
    """A document of the repository."""
    return Document(name, (ROOT / name).read_text(encoding="utf-8"))

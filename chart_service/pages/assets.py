"""What pages load: our own styles and modules, and plotly.js from the installed package. Hashed, compressed, immutable.

A hash of all our files is one directory of the URL, so a module's relative imports stay within what was loaded with it.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from importlib import resources
from importlib.metadata import version
from pathlib import Path
from threading import Lock

STATIC = Path(__file__).parents[1] / "static"
TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
PLOTLY = "plotly.min.js"


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is sent: its bytes, plain and compressed, and its media type."""

    plain: bytes
    compressed: bytes
    media_type: str


class Assets:
    """The files by name, read and compressed at their first use. Safe to share between threads.

    ``fresh``: look at the files again for each page, for people who change them.
    """

    def __init__(self, folder: Path = STATIC, *, fresh: bool = False) -> None:
        self._folder = folder
        self._fresh = fresh
        self._lock = Lock()
        self._files: dict[str, Asset] = {}
        self._hash = self._hash_of_files()
        self._plotly_hash = f"plotly-{version('plotly')}"

    def url(self, name: str) -> str:
        """The address of a file under ``static/``, or of ``plotly.min.js``."""
        if name == PLOTLY:
            return f"/static/{self._plotly_hash}/{PLOTLY}"
        if self._fresh and (now := self._hash_of_files()) != self._hash:
            with self._lock:
                self._hash, self._files = now, {}
        return f"/static/{self._hash}/{name}"

    def is_current(self, tag: str) -> bool:
        """Whether an address with this hash may be kept for ever."""
        return tag in (self._hash, self._plotly_hash)

    def get(self, name: str) -> Asset | None:
        """The file of this name, or None. Reads and compresses at the first call: megabytes take a second."""
        with self._lock:
            asset = self._files.get(name)
            if asset is None:
                path = self._path(name)
                if path is None:
                    return None
                asset = self._files[name] = _read(path)
            return asset

    def _path(self, name: str) -> Path | None:
        if name == PLOTLY:
            return Path(str(resources.files("plotly").joinpath("package_data", PLOTLY)))
        # A name is looked up among those that there are, so no way of writing one leads anywhere else.
        return self._ours().get(name)

    def _ours(self) -> dict[str, Path]:
        found = sorted(path for path in self._folder.rglob("*") if path.suffix in TYPES)
        return {path.relative_to(self._folder).as_posix(): path for path in found}

    def _hash_of_files(self) -> str:
        content = hashlib.sha256()
        for name, path in self._ours().items():
            content.update(name.encode() + b"\0" + path.read_bytes())
        return content.hexdigest()[:12]


def _read(path: Path) -> Asset:
    plain = path.read_bytes()
    media_type = TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return Asset(plain, gzip.compress(plain, 6, mtime=0), f"{media_type}; charset=utf-8")

"""Files that are there as a whole or not at all."""

import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole(path: Path) -> Generator[Path]:
    """Give a path to write to, which takes the place of `path` at the end, and leaves nothing after an error."""
    with tempfile.TemporaryDirectory(prefix=".", dir=path.parent) as aside:
        part = Path(aside, path.name)
        yield part
        part.replace(path)

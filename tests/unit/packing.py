"""What a task definition carries, packed as `make packed` does it, and unpacked again."""

import base64
import json
import zlib
from collections.abc import Mapping


def unpacked(word: str) -> str:
    return zlib.decompress(base64.b85decode(word)).decode()


def modules(sources: Mapping[str, str]) -> str:
    """Return the variable by which the supervisor gets modules, the source of each by its path."""
    return json.dumps({path: base64.b85encode(zlib.compress(text.encode())).decode() for path, text in sources.items()})

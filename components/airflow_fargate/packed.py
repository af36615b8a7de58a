"""What a task definition carries, each program and module packed into one word: it holds 64 KiB in all (ECS quotas)."""

from pathlib import Path

# A third of the source. It is packed once, by `make packed`: another machine's zlib may write other bytes, and every
# such difference would be another task.
_UNPACK = "import base64,sys,zlib;exec(zlib.decompress(base64.b85decode(sys.argv.pop(1))))"

SUFFIX = ".packed"


def packed_program(source: str) -> tuple[str, str, str]:
    """Return the first arguments of a Python that runs the program in the file `source`; its own ones follow."""
    return "-c", _UNPACK, packed(Path(source))


def packed(source: Path) -> str:
    """Return what the file `source` is packed into, which the supervisor unpacks."""
    return source.with_suffix(SUFFIX).read_text(encoding="ascii").strip()

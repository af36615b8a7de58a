"""The error that ends a command with a message instead of a traceback."""


class CommandError(Exception):
    """What a command cannot do or decide, and what the person can do about it."""

    def __init__(self, problem: str, way_out: str = "") -> None:
        super().__init__(f"{problem}\n  {way_out}" if way_out else problem)

"""The error for what cannot be decided without a person."""


class RepairError(Exception):
    """What cannot be decided, and what the person has to do; nothing has been changed."""

    def __init__(self, problem: str, way_out: str) -> None:
        super().__init__(f"{problem}\n  {way_out}")

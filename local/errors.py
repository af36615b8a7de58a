"""The error that ends a command with a message instead of a traceback."""


class LocalCloudError(Exception):
    """Something that the user can put right: what is wrong, and the way out.

    Raised for what can be expected (a port in use, a registry that does not answer); `python -m local` prints it and
    exits with 1.
    """

    def __init__(self, problem: str, way_out: str = "") -> None:
        super().__init__(f"{problem}\n  {way_out}" if way_out else problem)

"""Words of other programs, made fit to be shown."""

import re

# uv may make a path of what is no URL, with one slash.
_USER_INFO = re.compile(r"(?<=:/)(/?)[^/\s]*@")


def without_passwords(text: str) -> str:
    """Return text with each URL as it is without a user and a password."""
    return _USER_INFO.sub(r"\1", text)

"""The settings of what outlives a stack, and what is refused of them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ..errors import Refusal
from ..settings import CapabilitySettings

# AWS: Amazon RDS API reference, CreateDBSnapshot; a snapshot of another account goes by its ARN.
_SNAPSHOT = re.compile(r"(arn:aws[a-z-]*:rds:[a-z0-9-]+:\d{12}:snapshot:)?[A-Za-z][A-Za-z0-9]*(-[A-Za-z0-9]+)*")


@dataclass(frozen=True, kw_only=True)
class DataSettings(CapabilitySettings):
    """What a destroyed stack leaves, and what a new one begins with."""

    retain_data: bool = False
    restore_from: str | None = None


def refuse_data(settings: DataSettings, *, has_instance: bool, own_key: bool) -> Iterator[Refusal]:
    """Refuse what is no snapshot, and what nobody would act on."""
    if not has_instance:
        for argument in sorted(settings.given):
            yield Refusal(
                argument, "is given, but it is about an instance of RDS; leave it out, or set database: postgres"
            )
    elif "restore_from" in settings.given:
        if not _SNAPSHOT.fullmatch(settings.restore_from or ""):
            yield Refusal(
                "restore_from", f"is {settings.restore_from!r}; give the name or the ARN of a snapshot of RDS"
            )
        if not own_key:
            yield Refusal(
                "restore_from",
                "is given, but fernet_key is not: the passwords in the database can be read with the key alone that "
                "they were written with; give it",
            )

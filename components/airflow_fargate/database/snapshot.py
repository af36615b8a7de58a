"""The snapshot that a new instance of RDS begins with, and what is refused of it before anything is made."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from typing import Any

import pulumi

from ..errors import Refusal
from .settings import DatabaseSettings


@dataclass(frozen=True)
class Snapshot:
    """What RDS says of a snapshot."""

    name: str
    engine: str
    version: str
    """Such as 17.6; the major version comes first."""
    storage_gib: int


async def find_snapshot(name: str, parent: pulumi.Resource | None) -> Snapshot | None:
    """Ask RDS for a snapshot; None where nobody answers, which is said, and RDS then judges the snapshot itself."""
    lookup = pulumi.InvokeOptions(parent=parent, version=metadata.version("pulumi-aws"))
    try:
        found: dict[str, Any] = await pulumi.runtime.invoke_async(
            "aws:rds/getSnapshot:getSnapshot", {"dbSnapshotIdentifier": name, "includeShared": True}, lookup
        )
    except Exception as error:  # noqa: BLE001 - the SDK has no type of its own for it
        pulumi.log.warn(f"Whether a new instance can begin with the snapshot {name} was not checked: {error}")
        return None
    # In the preview of a provider that is not configured yet there is no answer.
    if not found.get("engine"):
        return None
    return Snapshot(name, found["engine"], found["engineVersion"], int(found["allocatedStorage"]))


def refuse_snapshot(snapshot: Snapshot, settings: DatabaseSettings) -> Iterator[Refusal]:
    """Refuse what RDS would after it has begun: storage that shrinks, and a version that is not the snapshot's."""
    if snapshot.engine != "postgres":
        yield Refusal("restore_from", f"names a snapshot of {snapshot.engine}; give one of PostgreSQL")
        return
    if settings.database_storage_gib < snapshot.storage_gib:
        yield Refusal(
            "database_storage_gib",
            f"is {settings.database_storage_gib}, but the snapshot that restore_from names needs "
            f"{snapshot.storage_gib}, to which its storage had grown, and RDS shrinks none; give that",
        )
    version = snapshot.version.partition(".")[0]
    if settings.database_version != version:
        yield Refusal(
            "database_version",
            f"is {settings.database_version}, but the snapshot that restore_from names is of PostgreSQL {version}; "
            f"give {version}, and another one when the instance is there",
        )

"""RDS: PostgreSQL instances, and the groups of subnets and of parameters that they are made with."""

from collections.abc import Iterator
from typing import Any

from local.providers.aws.resource import ArnTaggedResource, Field
from local.providers.errors import ProviderError
from local.providers.naming import AutoName
from local.providers.resource import Change, Property, properties, same_set
from local.providers.schema import Violation
from local.providers.values import UNKNOWN, Properties

CREATE_TIMEOUT, UPDATE_TIMEOUT, DELETE_TIMEOUT = 40 * 60.0, 80 * 60.0, 60 * 60.0
"""Seconds, as in the real provider, unless `custom_timeouts` says otherwise."""
POLL_INTERVAL = 0.5

# What the provider sets by a later call than RestoreDBInstanceFromDBSnapshot, in one with the password.
_AFTER_RESTORE = frozenset(
    {"allocatedStorage", "backupRetentionPeriod", "engineVersion", "maxAllocatedStorage", "storageType"}
)


def same_parameters(old: list[dict[str, str]], new: list[dict[str, str]]) -> bool:
    """Equality of parameters, which are a set; one that says nothing of when it is applied is applied at once."""
    return same_set(*([{"applyMethod": "immediate", **each} for each in parameters] for parameters in (old, new)))


class RdsResource(ArnTaggedResource):
    """A resource type of RDS."""

    service = "rds"


class SubnetGroup(RdsResource):
    sdk = "pulumi_aws.rds:SubnetGroup"
    title = "RDS DB Subnet Group"
    inputs = properties(
        description=Field(api="DBSubnetGroupDescription", default="Managed by Pulumi"),
        name=Field(api="DBSubnetGroupName", replaces=True, computed=True),
        subnetIds=Field(answer="Subnets[].SubnetIdentifier", same=same_set),
    )
    outputs = {"arn": "DBSubnetGroupArn", "vpcId": "VpcId"}
    identity = "{name}"
    creates, updates, deletes = "create_db_subnet_group", "modify_db_subnet_group", "delete_db_subnet_group"
    reads, described = "describe_db_subnet_groups", "DBSubnetGroups[0]"
    auto_name = AutoName(max_length=255)


class ParameterGroup(RdsResource):
    sdk = "pulumi_aws.rds:ParameterGroup"
    title = "RDS DB Parameter Group"
    inputs = properties(
        description=Field(replaces=True, default="Managed by Pulumi"),
        family=Field(api="DBParameterGroupFamily", replaces=True),
        name=Field(api="DBParameterGroupName", replaces=True, computed=True),
        parameters=Property(same=same_parameters),
    )
    outputs = {"arn": "DBParameterGroupArn"}
    identity = "{name}"
    creates, deletes = "create_db_parameter_group", "delete_db_parameter_group"
    reads, described = "describe_db_parameter_groups", "DBParameterGroups[0]"
    auto_name = AutoName(max_length=255)

    def finish(self, inputs: Properties, *, creating: bool) -> None:
        if creating:
            self._set(inputs)

    def update(self, change: Change) -> None:
        if change.touches("parameters"):
            before, after = ({each["name"] for each in _parameters(state)} for state in (change.old, change.new))
            if before - after:
                raise ProviderError(f"{self.title} ({self.id}): the stand-in resets no parameter: {before - after}")
            self._set(change.new)
        super().update(change)

    def outputs_of(self, found: Any, state: Properties) -> Properties:
        answer = self.client(state).describe_db_parameters(DBParameterGroupName=self.id, Source="user")
        parameters = [
            {"name": each["ParameterName"], "value": each["ParameterValue"], "applyMethod": each["ApplyMethod"]}
            for each in answer["Parameters"]
        ]
        return {**super().outputs_of(found, state), "parameters": parameters}

    def _set(self, inputs: Properties) -> None:
        parameters = [
            {
                "ParameterName": each["name"],
                "ParameterValue": each["value"],
                "ApplyMethod": each.get("applyMethod") or "immediate",
            }
            for each in _parameters(inputs)
        ]
        if parameters:
            self.client(inputs).modify_db_parameter_group(DBParameterGroupName=self.id, Parameters=parameters)


def _parameters(state: Properties) -> list[dict[str, Any]]:
    return state.get("parameters") or []


class Instance(RdsResource):
    """Its id is RDS's own: the identifier is a name, which another instance can be given later."""

    sdk = "pulumi_aws.rds:Instance"
    title = "RDS DB Instance"
    inputs = properties(
        allocatedStorage=Field(computed=True),
        allowMajorVersionUpgrade=Property(),
        applyImmediately=Property(),
        autoMinorVersionUpgrade=Field(default=True),
        backupRetentionPeriod=Field(computed=True),
        copyTagsToSnapshot=Field(default=False),
        dbName=Field(api="DBName", replaces=True, computed=True),
        dbSubnetGroupName=Field(api="DBSubnetGroupName", answer="DBSubnetGroup.DBSubnetGroupName", computed=True),
        engine=Field(replaces=True, computed=True),
        engineLifecycleSupport=Field(
            computed=True, values=("open-source-rds-extended-support", "open-source-rds-extended-support-disabled")
        ),
        engineVersion=Field(computed=True),
        finalSnapshotIdentifier=Property(),
        identifier=Field(api="DBInstanceIdentifier", replaces=True, computed=True),
        instanceClass=Field(api="DBInstanceClass"),
        maxAllocatedStorage=Field(),
        multiAz=Field(api="MultiAZ", computed=True),
        parameterGroupName=Field(
            api="DBParameterGroupName", answer="DBParameterGroups[0].DBParameterGroupName", computed=True
        ),
        password=Property(),
        publiclyAccessible=Field(default=False),
        skipFinalSnapshot=Property(default=False),
        snapshotIdentifier=Property(replaces=True),
        storageEncrypted=Field(replaces=True),
        storageType=Field(computed=True, values=("standard", "gp2", "gp3", "io1", "io2")),
        username=Field(api="MasterUsername", replaces=True, computed=True),
        vpcSecurityGroupIds=Field(answer="VpcSecurityGroups[].VpcSecurityGroupId", computed=True, same=same_set),
    )
    outputs = {
        "address": "Endpoint.Address",
        "arn": "DBInstanceArn",
        "availabilityZone": "AvailabilityZone",
        "engineVersionActual": "EngineVersion",
        "port": "Endpoint.Port",
        "resourceId": "DbiResourceId",
        "status": "DBInstanceStatus",
    }
    auto_name = AutoName(max_length=63, property="identifier", separator="")
    secret_outputs = frozenset({"password"})
    retry_delete_on = ("InvalidDBInstanceState",)

    @classmethod
    def check(cls, inputs: Properties) -> Iterator[Violation]:
        if inputs.get("snapshotIdentifier") is None:
            for name in ("allocatedStorage", "engine", "password", "username"):
                if inputs.get(name) is None:
                    yield Violation(name, "missing; only an instance from a snapshot has it from there")

    def ignores(self, name: str, state: Properties, inputs: Properties) -> bool:
        # Storage that has grown by itself.
        least, most = inputs.get("allocatedStorage"), inputs.get("maxAllocatedStorage")
        if name != "allocatedStorage" or UNKNOWN in (least, most):
            return False
        return state.get(name, 0) > (least or 0) and (most or 0) > (least or 0)

    def create(self, inputs: Properties) -> str:
        if inputs.get("snapshotIdentifier") is None:
            self.call("create_db_instance", inputs, **self._password(inputs), **self.creation_tags(inputs))
            return self._wait_until_available(inputs, CREATE_TIMEOUT)["DbiResourceId"]
        # The name of the database is in a snapshot of PostgreSQL, and RDS refuses to hear it.
        asked = {name: value for name, value in inputs.items() if name not in {*_AFTER_RESTORE, "dbName"}}
        snapshot = {"DBSnapshotIdentifier": inputs["snapshotIdentifier"]}
        self.call("restore_db_instance_from_db_snapshot", asked, **snapshot, **self.creation_tags(inputs))
        self._wait_until_available(inputs, CREATE_TIMEOUT)
        rest = {name: value for name, value in inputs.items() if name in {*_AFTER_RESTORE, "identifier", "region"}}
        self.call(
            "modify_db_instance",
            rest,
            ApplyImmediately=True,
            AllowMajorVersionUpgrade=bool(inputs.get("allowMajorVersionUpgrade")),
            **self._password(inputs),
        )
        return self._wait_until_available(inputs, CREATE_TIMEOUT)["DbiResourceId"]

    def update(self, change: Change) -> None:
        # The provider knows the lifecycle when it creates, and not when it updates.
        changed = {name for name, _ in self.fields()} & change.names - {"engineLifecycleSupport"}
        if changed or change.touches("password"):
            sent = {name: change.new[name] for name in {*changed, "identifier", "region"} if name in change.new}
            self.call(
                "modify_db_instance",
                sent,
                ApplyImmediately=bool(change.new.get("applyImmediately")),
                AllowMajorVersionUpgrade=bool(change.new.get("allowMajorVersionUpgrade")),
                **(self._password(change.new) if change.touches("password") else {}),
            )
            self._wait_until_available(change.new, UPDATE_TIMEOUT)
        super().update(change)

    def describe(self, state: Properties) -> Any:
        found = self._found(state)
        return found and {**found, "Tags": found.get("TagList", [])}

    def outputs_of(self, found: Any, state: Properties) -> Properties:
        outputs = super().outputs_of(found, state)
        return {
            **outputs,
            "endpoint": f"{outputs['address']}:{outputs['port']}",
            # What RDS says of the version is longer than what was asked for; the password, it does not say.
            **{name: state[name] for name in ("engineVersion", "password") if state.get(name) is not None},
        }

    def delete(self, state: Properties) -> None:
        final = {"SkipFinalSnapshot": bool(state.get("skipFinalSnapshot"))}
        if not final["SkipFinalSnapshot"]:
            if not state.get("finalSnapshotIdentifier"):
                raise ProviderError(
                    f"deleting {self.title} ({self.id}): "
                    "final_snapshot_identifier is required when skip_final_snapshot is false"
                )
            final |= {"FinalDBSnapshotIdentifier": state["finalSnapshotIdentifier"]}
        self.client(state).delete_db_instance(DBInstanceIdentifier=state["identifier"], **final)
        while self._found(state) is not None:
            self._wait(DELETE_TIMEOUT, "deleted")

    @staticmethod
    def _password(inputs: Properties) -> dict[str, str]:
        return {"MasterUserPassword": inputs["password"]} if inputs.get("password") is not None else {}

    def _found(self, state: Properties) -> Any:
        """Return the instance by its id, or by its name while it is being made."""
        name, value = ("dbi-resource-id", self.id) if self.id else ("db-instance-id", state["identifier"])
        answer = self.client(state).describe_db_instances(Filters=[{"Name": name, "Values": [value]}])
        return next(iter(answer["DBInstances"]), None)

    def _wait_until_available(self, state: Properties, timeout: float) -> Any:
        while True:
            found = self._found(state)
            status = found["DBInstanceStatus"] if found else "gone"
            if status == "available":
                return found
            if status in ("failed", "gone") or status.startswith("incompatible"):
                raise ProviderError(f"waiting for {self.title} ({state['identifier']}): unexpected state '{status}'")
            self._wait(timeout, "available")

    def _wait(self, timeout: float, wanted: str) -> None:
        if not self.operation.wait(POLL_INTERVAL, timeout):
            raise ProviderError(
                f"waiting for {self.title} ({self.id}): timeout while waiting for state to become '{wanted}'"
            )

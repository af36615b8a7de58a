"""Where Airflow runs now and how to log in to it, as AWS knows of the running task, and not the program."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_ecs.type_defs import ServiceTypeDef, TaskTypeDef
    from mypy_boto3_ssm import SSMClient

_PASSWORD_VARIABLE = "ADMIN_PASSWORD"  # noqa: S105 - the name of a variable


@dataclass(frozen=True)
class RunningAirflow:
    """A task's Airflow, and its administrator."""

    task_arn: str
    is_healthy: bool
    url: str
    username: str
    password: str = field(repr=False)


def running_airflow(
    ecs: "ECSClient", ec2: "EC2Client", ssm: "SSMClient", *, cluster: str, service: str
) -> RunningAirflow | None:
    """Return the newest running task's Airflow; None if no task runs, or none that has an address and a login.

    An update may be about to change port, name or password: what counts is what the running task was started with.
    """
    task = newest_task(ecs, cluster=cluster, service=service)
    if task is None:
        return None
    container = container_of(ecs, task.get("taskDefinitionArn", ""))
    environment = _environment(container)
    secrets: dict[str, str] = {each["name"]: each["valueFrom"] for each in container.get("secrets", [])}
    address = public_address_of(ec2, task)
    if address is None or _PASSWORD_VARIABLE not in secrets:
        return None
    labels: dict[str, str] = container.get("dockerLabels", {})
    return RunningAirflow(
        task_arn=task.get("taskArn", ""),
        is_healthy=task.get("healthStatus") == "HEALTHY",
        url=f"http://{address}{port_and_path(container)}",
        username=environment.get("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS", "admin").partition(":")[0],
        password=_parameter(
            ssm, secrets[_PASSWORD_VARIABLE], labels.get(f"airflow-fargate.parameter-version.{_PASSWORD_VARIABLE}")
        ),
    )


def container_of(ecs: "ECSClient", task_definition: str) -> dict[str, Any]:
    """Return the one container of a task definition, as ECS tells it."""
    definition = ecs.describe_task_definition(taskDefinition=task_definition)["taskDefinition"]
    [container] = cast(Sequence[dict[str, Any]], definition.get("containerDefinitions", []))
    return container


def log_stream(ecs: "ECSClient", task: "TaskTypeDef") -> tuple[str, str]:
    """Return the log group and the stream in it to which a task's container writes (ECS: awslogs-stream-prefix)."""
    container = container_of(ecs, task.get("taskDefinitionArn", ""))
    options: dict[str, str] = container["logConfiguration"]["options"]
    task_id = task.get("taskArn", "").rpartition("/")[2]
    return options["awslogs-group"], f"{options['awslogs-stream-prefix']}/{container['name']}/{task_id}"


def tasks_of(ecs: "ECSClient", cluster: str, **selection: Any) -> "list[TaskTypeDef]":
    """Return ECS's description of a cluster's tasks, of those that shall run if `selection` has no `desiredStatus`.

    :param selection: Which ones, in the words of ECS's ListTasks.
    """
    arns = ecs.list_tasks(cluster=cluster, **selection)["taskArns"]
    return ecs.describe_tasks(cluster=cluster, tasks=arns)["tasks"] if arns else []


def services_of(ecs: "ECSClient", cluster: str) -> "list[ServiceTypeDef]":
    """Return ECS's description of every service of a cluster."""
    arns = ecs.list_services(cluster=cluster)["serviceArns"]
    return ecs.describe_services(cluster=cluster, services=arns)["services"] if arns else []


def active_service(ecs: "ECSClient", cluster: str, service: str) -> "ServiceTypeDef | None":
    """Return a service, unless it was deleted: ECS shows it for a while after that."""
    found = ecs.describe_services(cluster=cluster, services=[service])["services"]
    return next((each for each in found if each.get("status") == "ACTIVE"), None)


def newest_task(ecs: "ECSClient", *, cluster: str, service: str) -> "TaskTypeDef | None":
    """Return the newest task of a service that runs and is to go on running; None if there is none."""
    return max(
        (task for task in tasks_of(ecs, cluster, serviceName=service) if task.get("lastStatus") == "RUNNING"),
        key=lambda task: task["createdAt"],  # pyright: ignore[reportTypedDictNotRequiredAccess] - ECS always has it
        default=None,
    )


def network_interfaces_of(task: "TaskTypeDef") -> list[str]:
    """Return the ids of a task's network interfaces, of which a task of Fargate has one."""
    return [
        detail.get("value", "")
        for attachment in task.get("attachments", [])
        for detail in attachment.get("details", [])
        if detail.get("name") == "networkInterfaceId"
    ]


def public_address_of(ec2: "EC2Client", task: "TaskTypeDef") -> str | None:
    """Return the public address of a task's network interface."""
    interfaces = network_interfaces_of(task)
    if not interfaces:
        return None
    # By a filter: an id whose interface has just gone would be an error.
    found = ec2.describe_network_interfaces(Filters=[{"Name": "network-interface-id", "Values": interfaces}])
    return next((each.get("Association", {}).get("PublicIp") for each in found["NetworkInterfaces"]), None)


def port_and_path(container: Mapping[str, Any]) -> str:
    """Return what comes after the address in the URL: the tasks in the container reach the API by both as well."""
    execution_api = _environment(container).get("AIRFLOW__CORE__EXECUTION_API_SERVER_URL")
    if execution_api is None:  # version 0.1, at Airflow's own port
        return f":{container['portMappings'][0]['containerPort']}"
    parts = urlsplit(execution_api)
    return f":{parts.port}{parts.path.removesuffix('/execution/')}"


def _environment(container: Mapping[str, Any]) -> dict[str, str]:
    return {each["name"]: each["value"] for each in container.get("environment", [])}


def _parameter(ssm: "SSMClient", arn: str, version: str | None) -> str:
    """Return the value that the parameter had in the version that the container was labelled with."""
    name = arn.partition(":parameter/")[2]
    found = ssm.get_parameter(Name=f"{name}:{version}" if version else name, WithDecryption=True)
    return found["Parameter"].get("Value", "")

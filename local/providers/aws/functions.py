"""Functions that are not about EC2: where and who we are, parameters, services."""

from typing import Any

from local.providers.aws.cluster import ecs_plain_tags
from local.providers.aws.resource import given
from local.providers.aws.session import Session
from local.providers.errors import ProviderError
from local.providers.resource import Function
from local.providers.values import Properties

PARTITION = "aws"
DNS_SUFFIX = "amazonaws.com"


def _get_region(session: Session, arguments: Properties) -> Properties:
    name = arguments.get("region") or arguments.get("name") or session.settings.region
    return {
        "description": name,
        "endpoint": f"ec2.{name}.{DNS_SUFFIX}",
        "id": name,
        "name": name,
        "region": name,
    }


def _get_caller_identity(session: Session, _: Properties) -> Properties:
    identity = session.client("sts").get_caller_identity()
    return {
        "accountId": identity["Account"],
        "arn": identity["Arn"],
        "id": identity["Account"],
        "userId": identity["UserId"],
    }


def _get_partition(_session: Session, _: Properties) -> Properties:
    return {
        "dnsSuffix": DNS_SUFFIX,
        "id": PARTITION,
        "partition": PARTITION,
        "reverseDnsPrefix": ".".join(reversed(DNS_SUFFIX.split("."))),
    }


def _get_parameter(session: Session, arguments: Properties) -> Properties:
    decrypted = arguments.get("withDecryption", True)
    parameter = session.client("ssm", arguments.get("region")).get_parameter(
        Name=arguments["name"], WithDecryption=decrypted
    )["Parameter"]
    is_secure = parameter["Type"] == "SecureString"
    return {
        "arn": parameter["ARN"],
        "id": parameter["Name"],
        "insecureValue": None if is_secure else parameter["Value"],
        "name": parameter["Name"],
        "region": arguments.get("region") or session.settings.region,
        "type": parameter["Type"],
        "value": parameter["Value"],
        "version": parameter["Version"],
        "withDecryption": decrypted,
    }


def _get_service(session: Session, arguments: Properties) -> Properties:
    name, cluster = arguments["serviceName"], arguments["clusterArn"]
    services = session.client("ecs", arguments.get("region")).describe_services(
        cluster=cluster, services=[name], include=["TAGS"]
    )["services"]
    service = next((found for found in services if found["status"] != "INACTIVE"), None)
    if service is None:
        raise ProviderError(f"reading ECS Service ({name}): no service of that name in cluster {cluster}")
    network = service.get("networkConfiguration", {}).get("awsvpcConfiguration")
    return {
        **given(
            availabilityZoneRebalancing=service.get("availabilityZoneRebalancing"),
            launchType=service.get("launchType"),
            platformFamily=service.get("platformFamily"),
            platformVersion=service.get("platformVersion"),
            propagateTags=service.get("propagateTags"),
        ),
        "arn": service["serviceArn"],
        "capacityProviderStrategies": service.get("capacityProviderStrategy", []),
        "clusterArn": service["clusterArn"],
        "deploymentConfigurations": [_deployment_configuration(service.get("deploymentConfiguration", {}))],
        "deployments": [_deployment(deployment) for deployment in service["deployments"]],
        "desiredCount": service["desiredCount"],
        "enableEcsManagedTags": service.get("enableECSManagedTags", False),
        "enableExecuteCommand": service.get("enableExecuteCommand", False),
        "events": [
            {"createdAt": event["createdAt"].isoformat(), "id": event["id"], "message": event["message"]}
            for event in service.get("events", [])
        ],
        "id": service["serviceArn"],
        "networkConfigurations": [{**network, "assignPublicIp": network.get("assignPublicIp") == "ENABLED"}]
        if network
        else [],
        "pendingCount": service["pendingCount"],
        "region": arguments.get("region") or session.settings.region,
        "runningCount": service["runningCount"],
        "schedulingStrategy": service["schedulingStrategy"],
        "serviceName": service["serviceName"],
        "status": service["status"],
        "tags": ecs_plain_tags(service.get("tags", [])),
        "taskDefinition": service["taskDefinition"],
    }


def _deployment_configuration(configuration: dict[str, Any]) -> Properties:
    breaker = configuration.get("deploymentCircuitBreaker")
    return given(
        deploymentCircuitBreakers=[breaker] if breaker else [],
        maximumPercent=configuration.get("maximumPercent"),
        minimumHealthyPercent=configuration.get("minimumHealthyPercent"),
    )


def _deployment(deployment: dict[str, Any]) -> Properties:
    return {
        "createdAt": deployment["createdAt"].isoformat(),
        "desiredCount": deployment["desiredCount"],
        "id": deployment["id"],
        "pendingCount": deployment["pendingCount"],
        "runningCount": deployment["runningCount"],
        "status": deployment["status"],
        "taskDefinition": deployment["taskDefinition"],
        "updatedAt": deployment["updatedAt"].isoformat(),
    }


FUNCTIONS = (
    Function("aws:index/getRegion:getRegion", "pulumi_aws:get_region", _get_region),
    Function("aws:index/getCallerIdentity:getCallerIdentity", "pulumi_aws:get_caller_identity", _get_caller_identity),
    Function("aws:index/getPartition:getPartition", "pulumi_aws:get_partition", _get_partition),
    Function(
        "aws:ssm/getParameter:getParameter",
        "pulumi_aws.ssm:get_parameter",
        _get_parameter,
        required=frozenset({"name"}),
        secret_outputs=frozenset({"value"}),
    ),
    Function(
        "aws:ecs/getService:getService",
        "pulumi_aws.ecs:get_service",
        _get_service,
        required=frozenset({"clusterArn", "serviceName"}),
    ),
)

"""Where each type of resource is in AWS, and how one of it is found by what its creation asked for: one row a type.

The automatic names are among the checked inputs, and no other resource has them. What has no name is found by where it
is, which is in a resource of this stack; a VPC and a gateway, which are in nothing, by their tags, as long as nothing
is in them.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from zlib import crc32

from botocore.exceptions import ClientError

from operate.console import CommandError
from operate.repair.sessions import Client
from operate.repair.state import TASK_DEFINITION, Found

Inputs = Mapping[str, Any]

STEADY_SECONDS = 900
"""How long a service may take until its task is healthy; three starts that fail take as long."""
AVAILABLE_SECONDS = 2400
"""How long an instance of RDS or a cache may take until it is available, as for the provider."""
ASK_SECONDS = 5


@dataclass(frozen=True)
class Lookup:
    """Where to look for resources of a type."""

    service: str
    """boto3 name."""
    find: Callable[[Client, Inputs], Iterable[Found]]
    auto_name: str | None = None
    """The input with the automatic name. A name that was given could be that of somebody else's resource."""
    everything: Callable[[Client], Iterable[str]] | None = None
    """Names all that the account has of the type; None for what is in another resource and cannot outlive it."""
    one_of_a_kind: bool = False
    """Whether AWS has room for one only: a second one would be refused as long as this one is there."""
    complete: Callable[[Client, Inputs, Found], None] | None = None
    """Does the rest of the creation, which no later `pulumi up` would: nothing has changed by then."""
    completion: str = ""
    """Says what `complete` does, for people."""


def _all(operation: str, names: str) -> Callable[[Client], Iterable[str]]:
    """List with an operation whose answer names what is there at `names`, as JMESPath."""

    def everything(client: Client) -> Iterable[str]:
        return client.get_paginator(operation).paginate().search(names)

    return everything


def _vpc(ec2: Client, inputs: Inputs) -> Iterable[Found]:
    vpcs = ec2.describe_vpcs(Filters=[_is("cidr", inputs["cidrBlock"]), *_tags(inputs)])["Vpcs"]
    for vpc in vpcs:
        subnets = ec2.describe_subnets(Filters=[_is("vpc-id", vpc["VpcId"])])["Subnets"]
        if not subnets:
            yield Found(vpc["VpcId"])


def _internet_gateway(ec2: Client, inputs: Inputs) -> Iterable[Found]:
    gateways = ec2.describe_internet_gateways(Filters=_tags(inputs))["InternetGateways"]
    for gateway in gateways:
        # It is created, and attached after that.
        if [attachment["VpcId"] for attachment in gateway["Attachments"]] in ([], [inputs["vpcId"]]):
            yield Found(gateway["InternetGatewayId"])


def _subnet(ec2: Client, inputs: Inputs) -> Iterable[Found]:
    place = [_is("vpc-id", inputs["vpcId"]), _is("cidr-block", inputs["cidrBlock"])]
    return [Found(subnet["SubnetId"]) for subnet in ec2.describe_subnets(Filters=place)["Subnets"]]


def _route_table(ec2: Client, inputs: Inputs) -> Iterable[Found]:
    tables = ec2.describe_route_tables(Filters=[_is("vpc-id", inputs["vpcId"]), *_tags(inputs)])["RouteTables"]
    return [Found(table["RouteTableId"]) for table in tables]


def _route(ec2: Client, inputs: Inputs) -> Iterable[Found]:
    table, destination = inputs["routeTableId"], inputs["destinationCidrBlock"]
    [found] = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"]
    if destination in (route.get("DestinationCidrBlock") for route in found["Routes"]):
        yield Found(f"r-{table}{crc32(destination.encode())}")  # as terraform-provider-aws makes it


def _association(ec2: Client, inputs: Inputs) -> Iterable[Found]:
    [table] = ec2.describe_route_tables(RouteTableIds=[inputs["routeTableId"]])["RouteTables"]
    for association in table["Associations"]:
        if association.get("SubnetId") == inputs["subnetId"]:
            yield Found(association["RouteTableAssociationId"])


def _security_group(ec2: Client, inputs: Inputs) -> Iterable[Found]:
    place = [_is("vpc-id", inputs["vpcId"]), _is("group-name", inputs["name"])]
    return [Found(group["GroupId"]) for group in ec2.describe_security_groups(Filters=place)["SecurityGroups"]]


def _close(ec2: Client, inputs: Inputs, group: Found) -> None:
    """Return the rule that lets everything out of a new group; the provider revokes it after it has made the group."""
    rules = ec2.describe_security_group_rules(Filters=[_is("group-id", group.id)])["SecurityGroupRules"]
    default = [rule["SecurityGroupRuleId"] for rule in rules if rule["IsEgress"] and rule["IpProtocol"] == "-1"]
    if default and "egress" not in inputs:
        ec2.revoke_security_group_egress(GroupId=group.id, SecurityGroupRuleIds=default)


def _rule(ec2: Client, inputs: Inputs, *, egress: bool) -> Iterable[Found]:
    names = ("ipProtocol", "fromPort", "toPort", "cidrIpv4", "cidrIpv6", "referencedSecurityGroupId")
    wanted = (egress, *(inputs.get(name) for name in names))
    rules = ec2.describe_security_group_rules(Filters=[_is("group-id", inputs["securityGroupId"])])
    for rule in rules["SecurityGroupRules"]:
        parts = (rule.get(name) for name in ("IsEgress", "IpProtocol", "FromPort", "ToPort", "CidrIpv4", "CidrIpv6"))
        group: str | None = rule.get("ReferencedGroupInfo", {}).get("GroupId")
        if (*parts, group) == wanted:
            yield Found(rule["SecurityGroupRuleId"])


def _ingress_rule(ec2: Client, inputs: Inputs) -> Iterable[Found]:
    return _rule(ec2, inputs, egress=False)


def _egress_rule(ec2: Client, inputs: Inputs) -> Iterable[Found]:
    return _rule(ec2, inputs, egress=True)


def _cluster(ecs: Client, inputs: Inputs) -> Iterable[Found]:
    clusters = ecs.describe_clusters(clusters=[inputs["name"]])["clusters"]
    return [Found(cluster["clusterArn"]) for cluster in clusters if cluster["status"] != "INACTIVE"]


def _clusters(ecs: Client) -> Iterable[str]:
    """ECS goes on listing a deleted cluster for a while, as INACTIVE."""
    for page in ecs.get_paginator("list_clusters").paginate():
        for cluster in ecs.describe_clusters(clusters=page["clusterArns"])["clusters"]:
            if cluster["status"] != "INACTIVE":
                yield cluster["clusterArn"]


def _task_definition(ecs: Client, inputs: Inputs) -> Iterable[Found]:
    family = inputs["family"]
    pages = ecs.get_paginator("list_task_definitions").paginate(familyPrefix=family, status="ACTIVE")
    arns = [arn for page in pages for arn in page["taskDefinitionArns"]]
    return [Found(family, {"arn": arn}) for arn in arns if arn.partition("/")[2].rpartition(":")[0] == family]


def _service(ecs: Client, inputs: Inputs) -> Iterable[Found]:
    services = ecs.describe_services(cluster=inputs["cluster"], services=[inputs["name"]])["services"]
    return [Found(service["serviceArn"]) for service in services if service["status"] == "ACTIVE"]


def _wait(ecs: Client, inputs: Inputs, service: Found) -> None:
    if inputs.get("waitForSteadyState"):
        ecs.get_waiter("services_stable").wait(
            cluster=inputs["cluster"],
            services=[service.id],
            WaiterConfig={"Delay": ASK_SECONDS, "MaxAttempts": STEADY_SECONDS // ASK_SECONDS},
        )


def _log_group(logs: Client, inputs: Inputs) -> Iterable[Found]:
    groups = logs.describe_log_groups(logGroupNamePrefix=inputs["name"])["logGroups"]
    return [Found(inputs["name"]) for group in groups if group["logGroupName"] == inputs["name"]]


def _role(iam: Client, inputs: Inputs) -> Iterable[Found]:
    with suppress(iam.exceptions.NoSuchEntityException):
        yield Found(iam.get_role(RoleName=inputs["name"])["Role"]["RoleName"])


def _role_policy(iam: Client, inputs: Inputs) -> Iterable[Found]:
    with suppress(iam.exceptions.NoSuchEntityException):
        iam.get_role_policy(RoleName=inputs["role"], PolicyName=inputs["name"])
        yield Found(f"{inputs['role']}:{inputs['name']}")


def _namespace(discovery: Client, inputs: Inputs) -> Iterable[Found]:
    named = f"Namespaces[?Type == 'DNS_PRIVATE' && Name == '{inputs['name']}'].Id"
    return map(Found, discovery.get_paginator("list_namespaces").paginate().search(named))


def _registry(discovery: Client, inputs: Inputs) -> Iterable[Found]:
    in_namespace = [{"Name": "NAMESPACE_ID", "Values": [inputs["dnsConfig"]["namespaceId"]]}]
    pages = discovery.get_paginator("list_services").paginate(Filters=in_namespace)
    return map(Found, pages.search(f"Services[?Name == '{inputs['name']}'].Id"))


def _instance(rds: Client, inputs: Inputs) -> Iterable[Found]:
    named = [_is("db-instance-id", inputs["identifier"])]
    for instance in rds.describe_db_instances(Filters=named)["DBInstances"]:
        if inputs.get("snapshotIdentifier"):
            raise CommandError(
                "It was being restored from a snapshot, and whether it has its own password by now cannot be told.",
                f"Delete it (aws rds delete-db-instance --skip-final-snapshot --db-instance-identifier "
                f"{inputs['identifier']}), and say so with --gone.",
            )
        yield Found(instance["DbiResourceId"])


def _wait_until_available(rds: Client, inputs: Inputs, _: Found) -> None:
    rds.get_waiter("db_instance_available").wait(
        DBInstanceIdentifier=inputs["identifier"],
        WaiterConfig={"Delay": ASK_SECONDS, "MaxAttempts": AVAILABLE_SECONDS // ASK_SECONDS},
    )


def _parameter_group(rds: Client, inputs: Inputs) -> Iterable[Found]:
    with suppress(rds.exceptions.DBParameterGroupNotFoundFault):
        groups = rds.describe_db_parameter_groups(DBParameterGroupName=inputs["name"])["DBParameterGroups"]
        yield from (Found(group["DBParameterGroupName"]) for group in groups)


def _set_parameters(rds: Client, inputs: Inputs, group: Found) -> None:
    given: list[dict[str, str]] = inputs.get("parameters") or []
    parameters = [
        {"ParameterName": each["name"], "ParameterValue": each["value"], "ApplyMethod": each["applyMethod"]}
        for each in given
    ]
    if parameters:
        rds.modify_db_parameter_group(DBParameterGroupName=group.id, Parameters=parameters)


def _subnet_group(rds: Client, inputs: Inputs) -> Iterable[Found]:
    with suppress(rds.exceptions.DBSubnetGroupNotFoundFault):
        groups = rds.describe_db_subnet_groups(DBSubnetGroupName=inputs["name"])["DBSubnetGroups"]
        yield from (Found(group["DBSubnetGroupName"]) for group in groups)


def _cache(elasticache: Client, inputs: Inputs) -> Iterable[Found]:
    with suppress(elasticache.exceptions.ReplicationGroupNotFoundFault):
        groups = elasticache.describe_replication_groups(ReplicationGroupId=inputs["replicationGroupId"])
        yield from (Found(group["ReplicationGroupId"]) for group in groups["ReplicationGroups"])


def _wait_until_cache_is_available(elasticache: Client, inputs: Inputs, _: Found) -> None:
    elasticache.get_waiter("replication_group_available").wait(
        ReplicationGroupId=inputs["replicationGroupId"],
        WaiterConfig={"Delay": ASK_SECONDS, "MaxAttempts": AVAILABLE_SECONDS // ASK_SECONDS},
    )


def _cache_subnet_group(elasticache: Client, inputs: Inputs) -> Iterable[Found]:
    with suppress(elasticache.exceptions.CacheSubnetGroupNotFoundFault):
        groups = elasticache.describe_cache_subnet_groups(CacheSubnetGroupName=inputs["name"])["CacheSubnetGroups"]
        yield from (Found(group["CacheSubnetGroupName"]) for group in groups)


def _parameter(ssm: Client, inputs: Inputs) -> Iterable[Found]:
    named = [{"Key": "Name", "Option": "Equals", "Values": [inputs["name"]]}]
    # A page may be empty, and the parameter on the next.
    pages = ssm.get_paginator("describe_parameters").paginate(ParameterFilters=named)
    return map(Found, pages.search("Parameters[].Name"))


def _bucket(s3: Client, inputs: Inputs) -> Iterable[Found]:
    if _is_there(s3.head_bucket, Bucket=inputs["bucket"]):
        yield Found(inputs["bucket"])


def _object(s3: Client, inputs: Inputs) -> Iterable[Found]:
    bucket, key = inputs["bucket"], inputs["key"]
    if _is_there(s3.head_object, Bucket=bucket, Key=key):
        yield Found(f"{bucket}/{key}")


def _is_there(head: Callable[..., Any], **place: str) -> bool:
    """S3 answers a HEAD request without a text, and so without a code that boto3 has a class for."""
    try:
        head(**place)
    except ClientError as error:
        if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") == 404:
            return False
        raise
    return True


def _is(name: str, value: str) -> dict[str, Any]:
    """One of the `Filters` of EC2."""
    return {"Name": name, "Values": [value]}


def _tags(inputs: Inputs) -> list[dict[str, Any]]:
    tags: dict[str, str] = inputs.get("tags") or {}
    if not tags:
        raise CommandError(
            "It has neither a name nor tags to be found by.",
            "Look for it in the AWS console, delete it if it is there, and say so with --gone.",
        )
    return [_is(f"tag:{name}", value) for name, value in tags.items()]


_ROLES = "Roles[?!starts_with(Path, '/aws-service-role/')].Arn"
"""All but those that AWS's services make for themselves."""

LOOKUPS: Mapping[str, Lookup] = {
    "aws:cloudwatch/logGroup:LogGroup": Lookup(
        "logs", _log_group, auto_name="name", everything=_all("describe_log_groups", "logGroups[].arn")
    ),
    "aws:ec2/internetGateway:InternetGateway": Lookup(
        "ec2",
        _internet_gateway,
        everything=_all("describe_internet_gateways", "InternetGateways[].InternetGatewayId"),
    ),
    "aws:ec2/route:Route": Lookup("ec2", _route, one_of_a_kind=True),
    "aws:ec2/routeTable:RouteTable": Lookup(
        "ec2", _route_table, everything=_all("describe_route_tables", "RouteTables[].RouteTableId")
    ),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": Lookup("ec2", _association, one_of_a_kind=True),
    "aws:ec2/securityGroup:SecurityGroup": Lookup(
        "ec2",
        _security_group,
        auto_name="name",
        everything=_all("describe_security_groups", "SecurityGroups[].GroupId"),
        complete=_close,
        completion="closing it outwards",
    ),
    "aws:ec2/subnet:Subnet": Lookup(
        "ec2", _subnet, everything=_all("describe_subnets", "Subnets[].SubnetId"), one_of_a_kind=True
    ),
    "aws:ec2/vpc:Vpc": Lookup("ec2", _vpc, everything=_all("describe_vpcs", "Vpcs[].VpcId")),
    "aws:ecs/cluster:Cluster": Lookup("ecs", _cluster, auto_name="name", everything=_clusters),
    "aws:ecs/service:Service": Lookup(
        "ecs", _service, auto_name="name", complete=_wait, completion="waiting until its task is healthy"
    ),
    TASK_DEFINITION: Lookup("ecs", _task_definition, everything=_all("list_task_definitions", "taskDefinitionArns[]")),
    "aws:elasticache/replicationGroup:ReplicationGroup": Lookup(
        "elasticache",
        _cache,
        auto_name="replicationGroupId",
        everything=_all("describe_replication_groups", "ReplicationGroups[].ARN"),
        complete=_wait_until_cache_is_available,
        completion="waiting until it is available",
    ),
    "aws:elasticache/subnetGroup:SubnetGroup": Lookup(
        "elasticache",
        _cache_subnet_group,
        auto_name="name",
        everything=_all("describe_cache_subnet_groups", "CacheSubnetGroups[].ARN"),
    ),
    "aws:iam/role:Role": Lookup("iam", _role, auto_name="name", everything=_all("list_roles", _ROLES)),
    "aws:iam/rolePolicy:RolePolicy": Lookup("iam", _role_policy),
    "aws:rds/instance:Instance": Lookup(
        "rds",
        _instance,
        auto_name="identifier",
        everything=_all("describe_db_instances", "DBInstances[].DBInstanceArn"),
        complete=_wait_until_available,
        completion="waiting until it is available",
    ),
    "aws:rds/parameterGroup:ParameterGroup": Lookup(
        "rds",
        _parameter_group,
        auto_name="name",
        # AWS's own default groups come with the first instance, and stay.
        everything=_all(
            "describe_db_parameter_groups",
            "DBParameterGroups[?!starts_with(DBParameterGroupName, 'default.')].DBParameterGroupArn",
        ),
        complete=_set_parameters,
        completion="setting its parameters",
    ),
    "aws:rds/subnetGroup:SubnetGroup": Lookup(
        "rds",
        _subnet_group,
        auto_name="name",
        everything=_all("describe_db_subnet_groups", "DBSubnetGroups[].DBSubnetGroupArn"),
    ),
    "aws:s3/bucket:Bucket": Lookup(
        "s3", _bucket, auto_name="bucket", everything=_all("list_buckets", "Buckets[].Name")
    ),
    "aws:s3/bucketObjectv2:BucketObjectv2": Lookup("s3", _object, one_of_a_kind=True),
    "aws:servicediscovery/privateDnsNamespace:PrivateDnsNamespace": Lookup(
        "servicediscovery", _namespace, auto_name="name", everything=_all("list_namespaces", "Namespaces[].Id")
    ),
    "aws:servicediscovery/service:Service": Lookup(
        "servicediscovery", _registry, everything=_all("list_services", "Services[].Id"), one_of_a_kind=True
    ),
    "aws:ssm/parameter:Parameter": Lookup(
        "ssm", _parameter, auto_name="name", everything=_all("describe_parameters", "Parameters[].Name")
    ),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": Lookup("ec2", _egress_rule, one_of_a_kind=True),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": Lookup("ec2", _ingress_rule, one_of_a_kind=True),
}

SETTINGS = frozenset(
    {
        "aws:appautoscaling/policy:Policy",
        "aws:appautoscaling/scheduledAction:ScheduledAction",
        "aws:appautoscaling/target:Target",
        "aws:ecs/clusterCapacityProviders:ClusterCapacityProviders",
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
        "aws:s3/bucketPolicy:BucketPolicy",
        "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        "aws:s3/bucketVersioning:BucketVersioning",
    }
)
"""Types that are a setting of another resource and go with it: setting one twice does no harm."""

STATE_ONLY = ("random:", "pulumi:")
"""Beginnings of types that are nowhere but in the state."""

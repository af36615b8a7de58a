"""The broker of workers, deployed: it goes where the stack goes."""

from local.testing.deployed import NETWORK, OFFICIAL, Deployed

PROGRAM = f"""{NETWORK}
import pulumi
from airflow_fargate import AirflowFargate

vpcs = {{name: network(name) for name in ("first", "second")}}
vpc = vpcs["VPC"]
airflow = AirflowFargate("airflow", {{"vpc_id": vpc.vpc_id, "subnet_ids": vpc.public_subnet_ids, **ARGS}})
pulumi.export("vpc_id", vpc.vpc_id)
"""


def test_another_vpc_has_another_broker(stack: Deployed) -> None:
    elasticache = stack.client("elasticache")
    workers = {
        "database_url": "postgresql://airflow:word@db.example.com/airflow",
        "egress_ports": [5432],
        "executors": ["CeleryExecutor"],
    }

    def brokers() -> list[tuple[str, str]]:
        """Return the id of each, and the VPC that it is in."""
        groups = elasticache.describe_cache_subnet_groups()["CacheSubnetGroups"]
        vpcs = {group["CacheSubnetGroupName"]: group["VpcId"] for group in groups}
        nodes = elasticache.describe_cache_clusters()["CacheClusters"]
        return [(node["ReplicationGroupId"], vpcs[node["CacheSubnetGroupName"]]) for node in nodes]

    stack.configure(PROGRAM.replace("VPC", "first"), **OFFICIAL, **workers)
    stack.workspace.up()
    [(before, first)] = brokers()
    stack.configure(PROGRAM.replace("VPC", "second"), **OFFICIAL, **workers)
    stack.workspace.up()

    [(after, second)] = brokers()
    assert (before != after, second) == (True, stack.workspace.outputs()["vpc_id"])
    assert first != second

"""The component that users declare: Airflow in one container on AWS Fargate."""

from typing import Optional

import pulumi
import pulumi_aws as aws

from .arguments import AirflowFargateArgs
from .cost import MONTHLY_COST_BASIS, monthly_cost
from .credentials import create_credentials
from .dags.bucket import create_dag_bucket
from .endpoint.public_ip import public_address
from .firewall import create_firewall
from .identity import Account, create_roles
from .network import create_network
from .task.service import create_cluster, create_log_group, create_service, create_task_definition
from .validation import validate


class AirflowFargate(pulumi.ComponentResource):
    """Apache Airflow in one container on AWS Fargate, with the URL of its public address as an output.

    It builds a VPC with two public subnets (or uses yours), a security group that admits the addresses you name, an
    execution role and a task role, the login and keys as SecureString parameters, a log group, and an ECS cluster with
    one service that runs one task. It is ready when the task is healthy: the web interface, scheduler, DAG processor
    and triggerer all answer. Airflow's database is in the container, which is what keeps this small and cheap: it
    outlives a restart of the container, but not of the task.
    """

    url: pulumi.Output[str]
    """The URL of the web interface and the REST API, `http://<public_ip>:<port>`. It changes when the task does."""

    public_ip: pulumi.Output[str]
    """The public IPv4 address of the running task."""

    admin_username: pulumi.Output[str]
    """The name of the administrator; empty with the legacy image, which has no login."""

    admin_password: pulumi.Output[str]
    """The administrator's password, a secret; empty with the legacy image, which has no login."""

    cluster_arn: pulumi.Output[str]
    """The ARN of the ECS cluster."""

    service_arn: pulumi.Output[str]
    """The ARN of the ECS service."""

    task_definition_arn: pulumi.Output[str]
    """The ARN of the task definition, with its revision."""

    log_group_name: pulumi.Output[str]
    """The name of the CloudWatch log group that holds the container's log."""

    security_group_id: pulumi.Output[str]
    """The id of the task's security group."""

    vpc_id: pulumi.Output[str]
    """The id of the VPC that the task runs in."""

    subnet_ids: pulumi.Output[list[str]]
    """The ids of the subnets that the task runs in."""

    open_command: pulumi.Output[str]
    """A command that opens the web interface in a browser."""

    logs_command: pulumi.Output[str]
    """A command that follows the container's log."""

    monthly_cost: pulumi.Output[float]
    """What a month of 730 hours costs in USD, from a dated table of prices; `monthly_cost_basis` says which."""

    monthly_cost_basis: pulumi.Output[str]
    """The currency, region and date of the prices behind `monthly_cost`, and what it leaves out."""

    # Optional, not `| None`: the schema analyzer takes a union for an argument type that it does not support.
    def __init__(self, name: str, args: AirflowFargateArgs, opts: Optional[pulumi.ResourceOptions] = None) -> None:  # noqa: UP045
        """Build Airflow as `args` say. Everything that is refused raises one error before anything is created."""
        settings = validate(name, args)
        super().__init__("airflow-fargate:index:AirflowFargate", name, {}, opts)
        # All else that Pulumi documents as inherited comes by the parent; the SDK leaves the waiting to the component.
        child = pulumi.ResourceOptions(parent=self, depends_on=opts.depends_on if opts else None)
        lookup = pulumi.InvokeOutputOptions(parent=self)

        region = aws.get_region_output(opts=lookup).region
        account = pulumi.Output.all(
            partition=aws.get_partition_output(opts=lookup).partition,
            number=aws.get_caller_identity_output(opts=lookup).account_id,
            region=region,
        ).apply(lambda known: Account(**known))

        network = create_network(name, settings, child)
        firewall = create_firewall(name, settings, network.vpc_id, child)
        credentials = create_credentials(name, settings, child)
        dag_bucket = create_dag_bucket(name, settings, child)
        log_group = create_log_group(name, settings, child)
        roles = create_roles(
            name,
            settings,
            account,
            log_group.arn,
            [parameter.arn for parameter in credentials.parameters.values()],
            dag_bucket.bucket.arn if dag_bucket else None,
            child,
        )
        cluster = create_cluster(name, settings, child)
        task_definition = create_task_definition(
            name,
            settings,
            cluster=cluster.cluster,
            region=region,
            log_group=log_group,
            credentials=credentials,
            roles=roles,
            dag_bucket=dag_bucket,
            opts=child,
        )
        service = create_service(
            name,
            settings,
            cluster=cluster,
            task_definition=task_definition,
            network=network,
            firewall=firewall,
            roles=roles,
            dag_bucket=dag_bucket,
            opts=child,
        )

        self.public_ip = public_address(cluster.cluster, service, task_definition, firewall.security_group, self)
        self.url = pulumi.Output.format("http://{0}:{1}", self.public_ip, settings.port)
        self.admin_username = pulumi.Output.from_input(settings.admin_username)
        self.admin_password = credentials.admin_password
        self.cluster_arn = cluster.cluster.arn
        self.service_arn = service.arn
        self.task_definition_arn = task_definition.arn
        self.log_group_name = log_group.name
        self.security_group_id = firewall.security_group.id
        self.vpc_id = network.vpc_id
        self.subnet_ids = network.subnet_ids
        self.open_command = pulumi.Output.concat("python3 -m webbrowser ", self.url)
        self.logs_command = pulumi.Output.concat("aws logs tail --follow --region ", region, " ", log_group.name)
        self.monthly_cost = pulumi.Output.from_input(
            float(
                monthly_cost(
                    settings.cpu,
                    settings.memory,
                    spot=settings.spot,
                    cpu_architecture=settings.cpu_architecture,
                    ephemeral_storage_gib=settings.ephemeral_storage_gib,
                )
            )
        )
        self.monthly_cost_basis = pulumi.Output.from_input(MONTHLY_COST_BASIS)
        self.register_outputs({output: getattr(self, output) for output in OUTPUTS})


OUTPUTS: tuple[str, ...] = tuple(AirflowFargate.__annotations__)
"""The names of the component's outputs, in the order in which they are declared."""

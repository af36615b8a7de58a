"""The component that users declare: Airflow in one container on AWS Fargate."""

import functools
from typing import Optional

import pulumi

from .airflow import create_airflow
from .arguments import AirflowFargateArgs
from .cost import in_cents, monthly_cost_basis
from .credentials import create_parameters, fernet_part, refuse_many_secrets
from .data.part import create_data
from .database.choice import create_database
from .endpoint.base_url import base_path
from .endpoint.public_ip import public_address, public_ip_endpoint
from .engine import require_engine
from .environment import environment_part
from .errors import checked_late
from .executor.apart import Surroundings
from .executor.broker import create_broker
from .executor.discovery import create_discovery
from .executor.elsewhere import create_elsewhere
from .firewall import create_firewall, egress_part
from .identity import create_roles, find_location
from .image import image_definition, image_part
from .legacy import legacy_airflow
from .network import create_network
from .parameter_store import create_parameter_store_part
from .part import Part, merge
from .scope import Scope
from .task.cluster import create_cluster
from .task.drain import drained_with_own_credentials
from .task.exec import exec_part
from .task.log import create_log
from .task.service import create_service, create_task_definition
from .task.workload import Workload, compute_part
from .validation import validate


class AirflowFargate(pulumi.ComponentResource):
    """Apache Airflow in one container on AWS Fargate, with the URL of its public address as an output.

    It builds a VPC with two public subnets (or uses yours), a security group that admits the addresses you name, an
    execution role and a task role, the login and keys as SecureString parameters, a log group, and an ECS cluster with
    one service that runs one task. It is ready when the task is healthy: the web interface, scheduler, DAG processor
    and triggerer all answer. Airflow's database is in the container by default. It is saved to a bucket every five
    minutes and when the task ends, and the next task restores it.
    """

    url: pulumi.Output[str]
    """The URL of the web interface and the REST API, `http://<public_ip>:<port>`. It changes when the task does."""

    public_ip: pulumi.Output[str]
    """The public IPv4 address of the running task."""

    admin_username: pulumi.Output[str]
    """The name of the administrator; empty with the legacy image and with an auth manager of your own."""

    admin_password: pulumi.Output[str]
    """The administrator's password, a secret; empty with the legacy image and with an auth manager of your own."""

    user_passwords: pulumi.Output[dict[str, str]]
    """The passwords of `users` by name, a secret."""

    cluster_arn: pulumi.Output[str]
    """The ARN of the ECS cluster."""

    service_arn: pulumi.Output[str]
    """The ARN of the ECS service."""

    task_definition_arn: pulumi.Output[str]
    """The ARN of the task definition, with its revision."""

    task_role_arn: pulumi.Output[str]
    """The ARN of the role that Airflow and its tasks act as: what a bucket's or a key's own policy admits."""

    task_role_name: pulumi.Output[str]
    """The name of that role, to which a program attaches policies of its own."""

    remote_task_role_arn: pulumi.Output[str]
    """The ARN of the role of the tasks that `AwsEcsExecutor` starts; empty without it."""

    remote_task_role_name: pulumi.Output[str]
    """The name of that role, to which a program attaches policies of its own; empty without `AwsEcsExecutor`."""

    worker_cluster_arn: pulumi.Output[str]
    """The ARN of the ECS cluster in which the workers of `CeleryExecutor` are; empty without it."""

    worker_service_arn: pulumi.Output[str]
    """The ARN of the workers' ECS service, for a program to scale on a schedule; empty without `CeleryExecutor`."""

    worker_task_role_arn: pulumi.Output[str]
    """The ARN of the role that workers, and tasks on them, act as; empty without `CeleryExecutor`."""

    worker_task_role_name: pulumi.Output[str]
    """The name of that role, to which a program attaches policies of its own; empty without `CeleryExecutor`."""

    execution_role_arn: pulumi.Output[str]
    """The ARN of the role that ECS starts the container with."""

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

    data_bucket_name: pulumi.Output[str]
    """The name of the bucket with the snapshots of the database and the logs of tasks; empty when nothing is kept."""

    monthly_cost: pulumi.Output[float]
    """What a month of 730 hours costs in USD, from a dated table of prices; `monthly_cost_basis` says which."""

    monthly_cost_basis: pulumi.Output[str]
    """The currency, region and date of the prices behind `monthly_cost`, and what it leaves out."""

    # Optional, not `| None`: the schema analyzer takes a union for an argument type that it does not support.
    def __init__(self, name: str, args: AirflowFargateArgs, opts: Optional[pulumi.ResourceOptions] = None) -> None:  # noqa: UP045 - as above
        """Build Airflow as `args` say. Everything that is refused raises one error before anything is created."""
        require_engine()
        settings = validate(name, args)
        super().__init__("airflow-fargate:index:AirflowFargate", name, {}, opts)
        warnings = (
            settings.unprepared_login,
            settings.unkept_logs,
            settings.roles.wanted_quota,
            settings.crowded_database,
        )
        for warning in filter(None, warnings):
            pulumi.log.warn(warning, resource=self)
        scope = Scope.below(self, name, settings.tags, opts.depends_on if opts else None)
        location = find_location(pulumi.InvokeOutputOptions(parent=self))
        if settings.drain.drain_minutes and self.get_provider("aws:ecs/service:Service"):
            location = drained_with_own_credentials(name, location)
        image = settings.image.known(name, settings.firewall.open_ports)

        network = create_network(scope.for_data if settings.database.has_instance else scope, settings.network)
        endpoint = public_ip_endpoint(settings.endpoint, base_path(settings.environment))
        discovery = create_discovery(scope, network.vpc_id) if settings.executor.is_apart else None
        broker = create_broker(scope, network) if settings.executor.has_workers else Part()
        log = create_log(scope.for_data, settings.log, location.apply(lambda known: known.region))
        data = create_data(
            scope.for_data,
            settings.data,
            in_container=settings.database.in_container,
            supervised=settings.supervised,
            own_variables=settings.environment,
            log_days=settings.log.log_retention_days,
            partition=location.apply(lambda known: known.partition),
        )
        airflow = (
            legacy_airflow(endpoint)
            if settings.image.legacy
            else create_airflow(
                scope,
                endpoint=endpoint,
                task=settings.task,
                login=settings.login,
                dags=settings.dags,
                packages=settings.packages,
                data=data,
                database=create_database(
                    scope,
                    settings.database,
                    network,
                    open_ports=settings.firewall.open_ports,
                    data=settings.data,
                ),
                environment=settings.environment,
                executor=settings.executor,
                api_host=discovery.host if discovery else None,
            )
        )
        cluster = create_cluster(scope)
        egress = egress_part(settings.firewall)
        environment = environment_part(settings.environment, name, settings.variable_rules)
        capabilities = merge(
            log.part,
            network.part,
            endpoint.part,
            egress,
            compute_part(settings.task),
            fernet_part(scope, settings.keys),
            environment,
            airflow.part,
            broker,
            create_parameter_store_part(scope, settings.parameter_store, cluster.cluster.name, location),
            exec_part(settings.exec),
        )
        refuse_many = functools.partial(refuse_many_secrets, name, capabilities.secrets)
        location = checked_late(name, location, refuse_many)
        parameters = create_parameters(scope, capabilities.secrets, retain_fernet_key=settings.data.retain_data)
        pull = image_part(settings.image, image, location)
        definition_of_image = image_definition(settings.image, image)
        part = merge(capabilities, parameters.part, pull, discovery.part if discovery else Part())

        workload = Workload(
            entrypoint=settings.entrypoint,
            command=settings.command,
            size=settings.task,
            health_check=airflow.health_check,
            stop_timeout=airflow.stop_timeout,
            port=endpoint.port,
            tasks_may_overlap=airflow.database.tasks_may_overlap,
            drain_minutes=settings.drain.drain_minutes,
            enable_exec=settings.exec.enable_exec,
        )
        firewall = create_firewall(
            scope,
            network.vpc_id,
            port=endpoint.port,
            allowed=settings.firewall.allowed_cidrs,
            reach=part.reach,
            ipv6=settings.network.may_have_ipv6,
        )
        surroundings = Surroundings(
            task=settings.task,
            endpoint=endpoint,
            image=definition_of_image,
            log=log,
            location=location,
            network=network,
            ipv6=settings.network.may_have_ipv6,
            firewall=firewall,
            role_settings=settings.roles,
        )
        elsewhere = create_elsewhere(
            scope,
            settings.executor,
            surroundings,
            cluster=cluster,
            parameters=parameters,
            shared=merge(log.part, network.part, egress, environment, airflow.remote),
            pull=pull,
            broker=broker,
            results=airflow.database.results,
        )
        part = merge(part, elsewhere.part)
        roles = create_roles(scope, settings.roles, location, part)
        task_definition = create_task_definition(
            scope,
            workload,
            part,
            image=definition_of_image,
            cluster=cluster,
            log=log,
            parameters=parameters,
            roles=roles,
        )
        service = create_service(
            scope,
            workload,
            part,
            cluster=cluster,
            task_definition=task_definition,
            network=network,
            firewall=firewall,
            roles=roles,
            registry_arn=discovery.registry_arn if discovery else None,
        )

        self.public_ip = public_address(cluster.cluster, service, task_definition, firewall.security_group, self)
        self.url = pulumi.Output.format("http://{0}:{1}{2}", self.public_ip, endpoint.port, endpoint.path)
        self.admin_username = pulumi.Output.from_input(airflow.login.username)
        self.admin_password = airflow.login.password
        self.user_passwords = airflow.login.user_passwords
        self.cluster_arn = cluster.cluster.arn
        self.service_arn = service.arn
        self.task_definition_arn = task_definition.arn
        self.task_role_arn = roles.task_role.arn
        self.task_role_name = roles.task_role.name
        self.remote_task_role_arn = elsewhere.remote_task_role_arn
        self.remote_task_role_name = elsewhere.remote_task_role_name
        self.worker_cluster_arn = elsewhere.worker_cluster_arn
        self.worker_service_arn = elsewhere.worker_service_arn
        self.worker_task_role_arn = elsewhere.worker_task_role_arn
        self.worker_task_role_name = elsewhere.worker_task_role_name
        self.execution_role_arn = roles.execution_role.arn
        self.log_group_name = log.group.name
        self.security_group_id = firewall.security_group.id
        self.vpc_id = network.vpc_id
        self.subnet_ids = network.subnet_ids
        self.open_command = pulumi.Output.concat("python3 -m webbrowser ", self.url)
        self.logs_command = pulumi.Output.concat("aws logs tail --follow --region ", log.region, " ", log.group.name)
        self.data_bucket_name = data.bucket_name
        self.monthly_cost = pulumi.Output.from_input(float(in_cents(part.monthly_cost)))
        self.monthly_cost_basis = pulumi.Output.from_input(monthly_cost_basis(part.without_price))
        self.register_outputs({output: getattr(self, output) for output in OUTPUTS})


OUTPUTS: tuple[str, ...] = tuple(AirflowFargate.__annotations__)
"""The names of the component's outputs, in the order in which they are declared."""

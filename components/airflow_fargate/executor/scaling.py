"""How the number of workers follows that of the tasks: Application Auto Scaling, and the metric that it goes by."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from ..cost import a_month_of
from ..part import Part, Statement
from ..scope import Scope
from ..task.cluster import Cluster
from .container import CLUSTER_VARIABLE, DIMENSION, METRIC, NAMESPACE, SECONDS_BETWEEN
from .settings import ExecutorSettings

PROTECTION_VARIABLE = "AIRFLOW_FARGATE_PROTECTS_TASKS"

_TARGET = 100
"""In percent of the slots: what waits for one has more workers started, and what leaves a tenth free has fewer."""


@dataclass(frozen=True)
class Scaling:
    """What scaling adds: to whoever tells how busy the workers are, and to the workers."""

    scheduler: Part
    worker: Part


def scaling_parts(settings: ExecutorSettings, cluster: Cluster) -> Scaling:
    """Return what the scheduler may tell, and what keeps a worker from being stopped while it runs a task for long."""
    if not settings.scales_workers:
        return Scaling(Part(), Part())
    arn = cluster.cluster.arn
    # Without workers and tasks nothing is reported.
    tellings = 3600 // SECONDS_BETWEEN if settings.worker_count_min else 0
    return Scaling(
        scheduler=Part(
            environment={CLUSTER_VARIABLE: arn},
            task_permissions=(arn.apply(_of_scheduler),),
            # The metric, and an alarm for either direction.
            monthly_cost=a_month_of("cloudwatch:metric")
            + 2 * a_month_of("cloudwatch:alarm")
            + tellings * a_month_of("cloudwatch:put"),
            without_price=("workers above worker_count_min",),
        ),
        worker=Part(environment={PROTECTION_VARIABLE: "1"}, task_permissions=(arn.apply(_of_worker),)),
    )


def scale_workers(scope: Scope, settings: ExecutorSettings, cluster: Cluster, service: aws.ecs.Service) -> None:
    """Have the number of workers follow the tasks, between the least and the most that there may be.

    The first task that no worker is there for starts one at the next look at the metric, which is once a minute. What
    waits for three minutes starts more, as many as it takes, and fifteen minutes with a tenth of the slots free stop
    those that nothing needs.
    """
    target = aws.appautoscaling.Target(
        f"{scope.name}-scaling-target",
        service_namespace="ecs",
        scalable_dimension="ecs:service:DesiredCount",
        resource_id=pulumi.Output.concat("service/", cluster.cluster.name, "/", service.name),
        min_capacity=settings.worker_count_min,
        max_capacity=settings.most_workers,
        tags=scope.tags,
        opts=scope.opts,
    )
    aws.appautoscaling.Policy(
        f"{scope.name}-scaling-policy",
        service_namespace=target.service_namespace,
        scalable_dimension=target.scalable_dimension,
        resource_id=target.resource_id,
        policy_type="TargetTrackingScaling",
        target_tracking_scaling_policy_configuration={
            "customized_metric_specification": {
                "namespace": NAMESPACE,
                "metric_name": METRIC,
                "dimensions": [{"name": DIMENSION, "value": cluster.cluster.name}],
                "statistic": "Maximum",
                "unit": "Percent",
            },
            "target_value": _TARGET,
            "scale_out_cooldown": SECONDS_BETWEEN,
            "scale_in_cooldown": SECONDS_BETWEEN,
        },
        opts=scope.opts,
    )


def _of_scheduler(cluster_arn: str) -> list[Statement]:
    return [
        {"Sid": "CountWorkers", "Effect": "Allow", "Action": "ecs:DescribeClusters", "Resource": cluster_arn},
        {
            "Sid": "TellHowBusyWorkersAre",
            "Effect": "Allow",
            "Action": "cloudwatch:PutMetricData",
            # Metrics are no resources.
            "Resource": "*",
            "Condition": {"StringEquals": {"cloudwatch:namespace": NAMESPACE}},
        },
    ]


def _of_worker(cluster_arn: str) -> list[Statement]:
    return [
        {
            "Sid": "ProtectWorkers",
            "Effect": "Allow",
            "Action": ["ecs:GetTaskProtection", "ecs:UpdateTaskProtection"],
            "Resource": f"{cluster_arn.replace(':cluster/', ':task/')}/*",
        }
    ]

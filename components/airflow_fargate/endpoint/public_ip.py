"""The endpoint that is the task's own public address: plain HTTP, and another address with every task."""

from collections.abc import Sequence

import pulumi
import pulumi_aws as aws

from ..cost import a_month_of
from ..engine import answered
from ..part import Part
from ..task.diagnosis import explain_service
from ..task.rollout import Rollout, current_rollout, finished_rollout, interface_of_task
from .endpoint import Endpoint, EndpointSettings


def public_ip_endpoint(settings: EndpointSettings, path: pulumi.Input[str]) -> Endpoint:
    """Return the endpoint that the task itself is, with Airflow below `path`."""
    return Endpoint(port=settings.port, path=path, part=Part(monthly_cost=a_month_of("public-ipv4")))


def public_address(
    cluster: aws.ecs.Cluster,
    service: aws.ecs.Service,
    task_definition: aws.ecs.TaskDefinition,
    security_group: aws.ec2.SecurityGroup,
    parent: pulumi.Resource,
) -> pulumi.Output[str]:
    """Return the public IPv4 address of the task that `service` runs, looked up again at every `pulumi up`.

    ECS gives each task a network interface, and tells which. Where ECS cannot be asked, the security group tells: it is
    used by nothing else, so its one attached interface is the task's, once no other task is stopping. Before that ECS
    is asked whether the task is the one that was asked for, and healthy: the AWS provider can call a deployment that
    was rolled back a success (terraform-provider-aws#20858), and one whose task only runs when this machine's clock is
    ahead of AWS's. Whatever is not so fails the update with the reason, and is a warning in a preview, which must stay
    possible then. The provider's own function is asked only where ECS cannot be, and never in a preview: it fails when
    somebody has deleted the service.
    """
    opts = pulumi.InvokeOutputOptions(parent=parent, depends_on=[service])
    previews = pulumi.runtime.is_dry_run()

    def running(rollout: Rollout | None) -> pulumi.Input[str]:
        if rollout or previews:
            return rollout.task_definition_arn if rollout else ""
        found = aws.ecs.get_service_output(cluster_arn=cluster.arn, service_name=service.name, opts=opts)
        return found.task_definition.apply(lambda running: answered("aws.ecs.get_service", running))

    def address(cluster_arn: str, wanted: str, found: str, interface_ids: Sequence[str]) -> pulumi.Output[str]:
        if not found and len(interface_ids) != 1:
            found = (
                f"The service has {len(interface_ids)} tasks with a network interface instead of 1, so there is "
                "no address to give. Its task is being replaced, or cannot start: run `pulumi up` again in a "
                f"minute.\n{explain_service(cluster_arn, wanted)}"
            )
        if not found:
            interface = aws.ec2.get_network_interface_output(id=interface_ids[0], opts=opts)
            return interface.associations.apply(
                lambda associations: answered("aws.ec2.get_network_interface", associations)[0].public_ip
            )
        if not previews:
            raise pulumi.RunError(found)
        pulumi.log.warn(found, resource=service)
        return pulumi.Output.from_input("")

    # With the service's id: it is known when the provider's wait is over.
    rollout = pulumi.Output.all(cluster.arn, service.id).apply(
        lambda known: (current_rollout if previews else finished_rollout)(known[0])
    )
    found = pulumi.Output.all(cluster.arn, task_definition.arn, rollout, rollout.apply(running)).apply(
        lambda known: _problem(*known)
    )
    # With what was found: the interface of a task that has not stayed must not be taken for that of the one that has.
    of_task = pulumi.Output.all(cluster.arn, service.name, found).apply(lambda known: interface_of_task(*known[:2]))
    interfaces = aws.ec2.get_network_interfaces_output(
        filters=pulumi.Output.all(security_group.id, of_task).apply(
            lambda known: [
                aws.ec2.GetNetworkInterfacesFilterArgs(name="network-interface-id", values=[known[1]])
                if known[1]
                else aws.ec2.GetNetworkInterfacesFilterArgs(name="group-id", values=[known[0]]),
                aws.ec2.GetNetworkInterfacesFilterArgs(name="attachment.status", values=["attached"]),
            ]
        ),
        opts=opts,
    )
    ids = interfaces.ids.apply(lambda ids: answered("aws.ec2.get_network_interfaces", ids))
    return pulumi.Output.all(cluster.arn, task_definition.arn, found, ids).apply(lambda known: address(*known))


def _problem(cluster_arn: str, wanted: str, rollout: Rollout | None, running: str) -> str:
    """Say why there is no address to be had of the task definition `wanted`; nothing when there is."""
    if rollout and rollout.state == "MISSING":
        return "The service is not there any more: somebody has deleted it. `pulumi up --refresh` creates it again."
    if running not in ("", wanted):
        again = "pulumi up" if rollout else "pulumi up --refresh"
        return (
            f"{wanted} was asked for, but ECS rolled the service back to {running}. Once what keeps the new one "
            f"from becoming healthy is gone, run `{again}`.\n{explain_service(cluster_arn, wanted)}"
        )
    if rollout is None or rollout.state not in ("IN_PROGRESS", "FAILED"):
        return ""
    if rollout.state == "FAILED":
        return (
            f"The deployment of {wanted} failed: {rollout.reason} Run `pulumi up` again once the cause is gone; it "
            f"starts another.\n{explain_service(cluster_arn, wanted)}"
        )
    return (
        f"The task of {wanted} is not healthy yet: {rollout.reason} Run `pulumi up` again in a few minutes.\n"
        f"{explain_service(cluster_arn, wanted)}"
    )

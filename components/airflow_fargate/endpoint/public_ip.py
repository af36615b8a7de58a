"""The endpoint that is the task's own public address: plain HTTP, and another address with every task."""

from collections.abc import Sequence

import pulumi
import pulumi_aws as aws

from ..cost import a_month_of
from ..part import Part
from ..task.diagnosis import explain_service
from .endpoint import Endpoint, EndpointSettings


def public_ip_endpoint(settings: EndpointSettings, path: pulumi.Input[str]) -> Endpoint:
    """Return the endpoint that the task itself is, with Airflow below `path`."""
    return Endpoint(port=settings.port, path=path, public_ip=True, part=Part(monthly_cost=a_month_of("public-ipv4")))


def public_address(
    cluster: aws.ecs.Cluster,
    service: aws.ecs.Service,
    task_definition: aws.ecs.TaskDefinition,
    security_group: aws.ec2.SecurityGroup,
    parent: pulumi.Resource,
) -> pulumi.Output[str]:
    """Return the public IPv4 address of the task that `service` runs, looked up anew at every `pulumi up`.

    ECS gives each task a network interface; the security group is used by nothing else, so its one attached interface
    is the task's. The service is asked which task definition it runs as well: the AWS provider can call a deployment
    that ECS rolled back a success (terraform-provider-aws#20858). Anything but exactly one interface, or another task
    definition, fails the update with the reason, and is a warning in a preview, which must stay possible then.
    """
    opts = pulumi.InvokeOutputOptions(parent=parent, depends_on=[service])

    def complain(problem: str) -> str:
        if pulumi.runtime.is_dry_run():
            pulumi.log.warn(problem, resource=service)
            return ""
        raise pulumi.RunError(problem)

    def address(cluster_arn: str, wanted: str, running: str, interface_ids: Sequence[str]) -> pulumi.Output[str]:
        if running != wanted:
            return pulumi.Output.from_input(
                complain(
                    f"{wanted} was asked for, but ECS rolled the service back to {running}, which is what runs now. "
                    "Correct what keeps the new one from becoming healthy and run `pulumi up` again; to try the same "
                    f"once more, run `pulumi up --refresh`.\n{explain_service(cluster_arn, wanted)}"
                )
            )
        if len(interface_ids) != 1:
            return pulumi.Output.from_input(
                complain(
                    f"The service has {len(interface_ids)} tasks with a network interface in place of 1, so there is "
                    "no address to give. Its task is being replaced, or cannot start: run `pulumi up` again in a "
                    f"minute.\n{explain_service(cluster_arn, wanted)}"
                )
            )
        interface = aws.ec2.get_network_interface_output(id=interface_ids[0], opts=opts)
        return interface.associations.apply(lambda associations: associations[0].public_ip)

    running = aws.ecs.get_service_output(cluster_arn=cluster.arn, service_name=service.name, opts=opts)
    interfaces = aws.ec2.get_network_interfaces_output(
        filters=security_group.id.apply(
            lambda group_id: [
                aws.ec2.GetNetworkInterfacesFilterArgs(name="group-id", values=[group_id]),
                aws.ec2.GetNetworkInterfacesFilterArgs(name="attachment.status", values=["attached"]),
            ]
        ),
        opts=opts,
    )
    return pulumi.Output.all(cluster.arn, task_definition.arn, running.task_definition, interfaces.ids).apply(
        lambda known: address(*known)
    )

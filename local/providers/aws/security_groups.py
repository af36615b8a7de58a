"""Security groups and their rules, one resource a rule."""

from collections.abc import Iterator
from typing import Any, ClassVar

from local.providers.aws.ec2 import Ec2Resource
from local.providers.aws.resource import Field
from local.providers.naming import AutoName
from local.providers.resource import Change, properties
from local.providers.schema import Violation
from local.providers.values import Properties

ALL_PROTOCOLS = "-1"
SOURCES = {
    "cidrIpv4": ("IpRanges", "CidrIp"),
    "cidrIpv6": ("Ipv6Ranges", "CidrIpv6"),
    "referencedSecurityGroupId": ("UserIdGroupPairs", "GroupId"),
}
"""Inputs that say whom a rule is about, with the list that has them in a permission and their name there."""


def same_protocol(old: Any, new: Any) -> bool:
    """AWS takes names and numbers alike."""
    numbers = {"icmp": "1", "tcp": "6", "udp": "17", "icmpv6": "58", "all": ALL_PROTOCOLS}
    spelled = [str(value).lower() for value in (old, new)]
    return numbers.get(spelled[0], spelled[0]) == numbers.get(spelled[1], spelled[1])


class SecurityGroup(Ec2Resource):
    sdk = "pulumi_aws.ec2:SecurityGroup"
    title = "EC2 Security Group"
    kind = "SecurityGroup"
    key = "GroupId"
    inputs = properties(
        description=Field(replaces=True, default="Managed by Pulumi"),
        name=Field(api="GroupName", replaces=True, computed=True),
        vpcId=Field(replaces=True, computed=True),
    )
    outputs = {"ownerId": "OwnerId"}
    auto_name = AutoName(max_length=255)
    retry_delete_on = ("DependencyViolation", "InvalidGroup.InUse")

    def finish(self, inputs: Properties, *, creating: bool) -> None:
        if creating:
            # AWS lets everything out of a new group; the real provider starts from nothing.
            everything = {"IpProtocol": ALL_PROTOCOLS, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
            self.client(inputs).revoke_security_group_egress(GroupId=self.id, IpPermissions=[everything])


class _Rule(Ec2Resource):
    """A rule; the subclasses say which way."""

    kind = "SecurityGroupRule"
    direction: ClassVar[str]
    inputs = properties(
        cidrIpv4=Field(),
        cidrIpv6=Field(),
        description=Field(),
        fromPort=Field(answer=f"(IpProtocol != '{ALL_PROTOCOLS}' && FromPort) || `null`"),
        ipProtocol=Field(same=same_protocol),
        referencedSecurityGroupId=Field(api="ReferencedGroupId", answer="ReferencedGroupInfo.GroupId"),
        securityGroupId=Field(api="GroupId", replaces=True),
        toPort=Field(answer=f"(IpProtocol != '{ALL_PROTOCOLS}' && ToPort) || `null`"),
    )
    outputs = {"securityGroupRuleId": "SecurityGroupRuleId"}

    @classmethod
    def check(cls, inputs: Properties) -> Iterator[Violation]:
        sources = [name for name in SOURCES if inputs.get(name) is not None]
        if len(sources) != 1:
            yield Violation("cidrIpv4", f"give exactly one of {', '.join(SOURCES)}; got {sources or 'none'}")
        ports = [name for name in ("fromPort", "toPort") if inputs.get(name) is not None]
        if ports and inputs.get("ipProtocol") == ALL_PROTOCOLS:
            yield Violation(ports[0], "ports have no meaning for ipProtocol -1, all protocols")

    def create(self, inputs: Properties) -> str:
        rule = self.request(inputs)
        described = {"Description": rule["Description"]} if "Description" in rule else {}
        permission = {
            **{name: rule[name] for name in ("IpProtocol", "FromPort", "ToPort") if name in rule},
            **{part: [{key: inputs[name], **described}] for name, (part, key) in SOURCES.items() if inputs.get(name)},
        }
        authorize = getattr(self.client(inputs), f"authorize_security_group_{self.direction}")
        tags = self.creation_tags(inputs)
        answer = authorize(GroupId=inputs["securityGroupId"], IpPermissions=[permission], **tags)
        return answer["SecurityGroupRules"][0]["SecurityGroupRuleId"]

    def update(self, change: Change) -> None:
        if change.touches(*(name for name, _ in self.fields())):
            rule = self.request(change.new)
            group = rule.pop("GroupId")
            if rule["IpProtocol"] == ALL_PROTOCOLS:
                rule |= {"FromPort": -1, "ToPort": -1}
            self.client(change.new).modify_security_group_rules(
                GroupId=group, SecurityGroupRules=[{"SecurityGroupRuleId": self.id, "SecurityGroupRule": rule}]
            )
        super().update(change)

    def delete(self, state: Properties) -> None:
        revoke = getattr(self.client(state), f"revoke_security_group_{self.direction}")
        revoke(GroupId=state["securityGroupId"], SecurityGroupRuleIds=[self.id])


class SecurityGroupIngressRule(_Rule):
    sdk = "pulumi_aws.vpc:SecurityGroupIngressRule"
    title = "VPC Security Group Ingress Rule"
    direction = "ingress"


class SecurityGroupEgressRule(_Rule):
    sdk = "pulumi_aws.vpc:SecurityGroupEgressRule"
    title = "VPC Security Group Egress Rule"
    direction = "egress"

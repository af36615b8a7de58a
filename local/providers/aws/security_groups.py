"""Security groups and their rules, one resource a rule."""

from collections.abc import Iterator
from typing import Any, ClassVar

from local.providers.aws.ec2 import Ec2Resource
from local.providers.aws.resource import REGION, TAGS, given
from local.providers.naming import AutoName
from local.providers.resource import Change, Property, properties
from local.providers.schema import Violation
from local.providers.values import Properties

SOURCES = ("cidrIpv4", "cidrIpv6", "prefixListId", "referencedSecurityGroupId")
ALL_PROTOCOLS = "-1"


def same_protocol(old: Any, new: Any) -> bool:
    """AWS takes names and numbers alike."""
    numbers = {"icmp": "1", "tcp": "6", "udp": "17", "icmpv6": "58", "all": ALL_PROTOCOLS}
    spelled = [str(value).lower() for value in (old, new)]
    return numbers.get(spelled[0], spelled[0]) == numbers.get(spelled[1], spelled[1])


class SecurityGroup(Ec2Resource):
    sdk = "pulumi_aws.ec2:SecurityGroup"
    title = "EC2 Security Group"
    inputs = properties(
        description=Property(replaces=True, default="Managed by Pulumi"),
        name=Property(replaces=True, computed=True),
        region=REGION,
        revokeRulesOnDelete=Property(default=False),
        tags=TAGS,
        vpcId=Property(replaces=True, computed=True),
    )
    auto_name = AutoName(max_length=255)
    retry_delete_on = ("DependencyViolation", "InvalidGroup.InUse")

    def create(self, inputs: Properties) -> str:
        answer = self.client(inputs).create_security_group(
            GroupName=inputs["name"],
            Description=inputs["description"],
            **given(VpcId=inputs.get("vpcId")),
            TagSpecifications=self.tag_specifications("security-group", inputs),
        )
        return answer["GroupId"]

    def finish(self, inputs: Properties, *, creating: bool) -> None:
        if creating:
            # AWS lets everything out of a new group; the real provider starts from nothing.
            everything = {"IpProtocol": ALL_PROTOCOLS, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
            self.client(inputs).revoke_security_group_egress(GroupId=self.id, IpPermissions=[everything])

    def read(self, state: Properties) -> Properties | None:
        (group,) = self.client(state).describe_security_groups(GroupIds=[self.id])["SecurityGroups"]
        return {
            **self.described(group),
            "arn": self.session.arn("ec2", f"security-group/{self.id}", self.region(state)),
            "description": group["Description"],
            "name": group["GroupName"],
            "ownerId": group["OwnerId"],
            "region": self.region(state),
            "vpcId": group.get("VpcId"),
        }

    def delete(self, state: Properties) -> None:
        ec2 = self.client(state)
        if state.get("revokeRulesOnDelete"):
            (group,) = ec2.describe_security_groups(GroupIds=[self.id])["SecurityGroups"]
            if group["IpPermissions"]:
                ec2.revoke_security_group_ingress(GroupId=self.id, IpPermissions=group["IpPermissions"])
            if group["IpPermissionsEgress"]:
                ec2.revoke_security_group_egress(GroupId=self.id, IpPermissions=group["IpPermissionsEgress"])
        ec2.delete_security_group(GroupId=self.id)


class _Rule(Ec2Resource):
    """A rule; the subclasses say which way."""

    direction: ClassVar[str]
    inputs = properties(
        **dict.fromkeys(SOURCES, Property()),
        description=Property(),
        fromPort=Property(),
        ipProtocol=Property(same=same_protocol),
        region=REGION,
        securityGroupId=Property(replaces=True),
        tags=TAGS,
        toPort=Property(),
    )

    @classmethod
    def check(cls, inputs: Properties) -> Iterator[Violation]:
        sources = [name for name in SOURCES if inputs.get(name) is not None]
        if len(sources) != 1:
            yield Violation("cidrIpv4", f"give exactly one of {', '.join(SOURCES)}; got {sources or 'none'}")
        ports = [name for name in ("fromPort", "toPort") if inputs.get(name) is not None]
        if ports and inputs.get("ipProtocol") == ALL_PROTOCOLS:
            yield Violation(ports[0], "ports have no meaning for ipProtocol -1, all protocols")

    def create(self, inputs: Properties) -> str:
        source: dict[str, Any] = given(Description=inputs.get("description"))
        permission: dict[str, Any] = {
            "IpProtocol": inputs["ipProtocol"],
            **given(FromPort=inputs.get("fromPort"), ToPort=inputs.get("toPort")),
        }
        if inputs.get("cidrIpv4"):
            permission["IpRanges"] = [{"CidrIp": inputs["cidrIpv4"], **source}]
        elif inputs.get("cidrIpv6"):
            permission["Ipv6Ranges"] = [{"CidrIpv6": inputs["cidrIpv6"], **source}]
        elif inputs.get("prefixListId"):
            permission["PrefixListIds"] = [{"PrefixListId": inputs["prefixListId"], **source}]
        else:
            permission["UserIdGroupPairs"] = [{"GroupId": inputs["referencedSecurityGroupId"], **source}]
        authorize = getattr(self.client(inputs), f"authorize_security_group_{self.direction}")
        answer = authorize(
            GroupId=inputs["securityGroupId"],
            IpPermissions=[permission],
            TagSpecifications=self.tag_specifications("security-group-rule", inputs),
        )
        return answer["SecurityGroupRules"][0]["SecurityGroupRuleId"]

    def update(self, change: Change) -> None:
        if change.names - {"tags", "tagsAll"}:
            new = change.new
            ports = (-1, -1) if new["ipProtocol"] == ALL_PROTOCOLS else (new.get("fromPort"), new.get("toPort"))
            rule = given(
                CidrIpv4=new.get("cidrIpv4"),
                CidrIpv6=new.get("cidrIpv6"),
                Description=new.get("description"),
                FromPort=ports[0],
                IpProtocol=new["ipProtocol"],
                PrefixListId=new.get("prefixListId"),
                ReferencedGroupId=new.get("referencedSecurityGroupId"),
                ToPort=ports[1],
            )
            self.client(new).modify_security_group_rules(
                GroupId=new["securityGroupId"],
                SecurityGroupRules=[{"SecurityGroupRuleId": self.id, "SecurityGroupRule": rule}],
            )
        super().update(change)

    def read(self, state: Properties) -> Properties | None:
        rules = self.client(state).describe_security_group_rules(SecurityGroupRuleIds=[self.id])
        rule = next(iter(rules["SecurityGroupRules"]), None)
        if rule is None:
            return None
        all_protocols = rule["IpProtocol"] == ALL_PROTOCOLS
        return {
            **self.described(rule),
            "arn": self.session.arn("ec2", f"security-group-rule/{self.id}", self.region(state)),
            "cidrIpv4": rule.get("CidrIpv4"),
            "cidrIpv6": rule.get("CidrIpv6"),
            "description": rule.get("Description"),
            "fromPort": None if all_protocols else rule.get("FromPort"),
            "ipProtocol": rule["IpProtocol"],
            "prefixListId": rule.get("PrefixListId"),
            "referencedSecurityGroupId": rule.get("ReferencedGroupInfo", {}).get("GroupId"),
            "region": self.region(state),
            "securityGroupId": rule["GroupId"],
            "securityGroupRuleId": self.id,
            "toPort": None if all_protocols else rule.get("ToPort"),
        }

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


RESOURCES = (SecurityGroup, SecurityGroupIngressRule, SecurityGroupEgressRule)

"""The container image: its name taken apart, and what ECS needs to be allowed to pull it."""

import re
from collections.abc import Awaitable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi

from .errors import Refusal, checked_late
from .identity import Location
from .part import Part, Statement
from .settings import CapabilitySettings, Parsed

DEFAULT_IMAGE = "apache/airflow:3.3.2"

# Docker's reference grammar (distribution/reference): what is before the first slash is a registry when it has a dot, a
# port or an upper-case letter in it, or is localhost; repositories are in lower case.
_HOST = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_WORD = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME = re.compile(
    rf"((?P<registry>(?:(?:{_HOST}\.)+{_HOST}|localhost|(?=[^/]*[A-Z]){_HOST}|{_HOST}(?=:))(?::[0-9]+)?)/)?"
    rf"(?P<repository>{_WORD}(?:/{_WORD})*)"
    r"(:(?P<tag>\w[\w.-]{0,127}))?"
    r"(@(?P<digest>sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}))?",
    re.ASCII,
)
_MAX_NAME_LENGTH = 255

# AWS: Amazon ECR user guide, "Private registry": 123456789012.dkr.ecr.us-east-1.amazonaws.com. The names that IPv6
# reaches as well are in "Making requests to Amazon ECR registries".
_ECR = re.compile(
    r"(?P<account>\d{12})\.dkr(\.ecr(-fips)?\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?P<china>\.cn)?"
    r"|-ecr(-fips)?\.(?P<dual_stack_region>[a-z0-9-]+)\.on\.(aws|amazonwebservices\.com\.cn))(?P<port>:\d+)?"
)
_SECRET_ARN = re.compile(r"arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:[\w/+=.@-]+")


@dataclass(frozen=True)
class Image(Parsed):
    """The name of an image, and its parts; those that it does not have are empty."""

    name: str
    registry: str
    """The host, with a port if it has one; none is Docker Hub."""
    repository: str
    tag: str
    digest: str

    @classmethod
    def parse(cls, text: str) -> "Image":
        """Take a name apart, or raise `ValueError` with what it should have been."""
        found = _NAME.fullmatch(text)
        if not found or len(found["repository"]) > _MAX_NAME_LENGTH:
            raise ValueError(f"; give a container image such as {DEFAULT_IMAGE}{_hint(text)}")
        return cls(name=text, **{part: value or "" for part, value in found.groupdict().items()})

    @property
    def legacy(self) -> bool:
        """Whether it is the image of the original guide, whatever its registry and tag."""
        return self.repository == "puckel/docker-airflow" or self.repository.endswith("/puckel/docker-airflow")

    @property
    def official(self) -> bool:
        """Whether it is Airflow's own image, whose entrypoint is known, or a registry's copy of it."""
        return self.repository == "apache/airflow" or self.repository.endswith("/apache/airflow")


def _hint(text: str) -> str:
    if "://" in text:
        return ", without https://"
    if text.lower() != text and _NAME.fullmatch(text.lower()):
        return f"; repositories are in lower case: {text.lower()}"
    return ""


_DEFAULT = Image.parse(DEFAULT_IMAGE)

_DOCKER_HUB = ("", "docker.io", "index.docker.io", "registry-1.docker.io")


@dataclass(frozen=True, kw_only=True)
class ImageSettings(CapabilitySettings):
    """Which image runs."""

    image: Image | pulumi.Output[str] | Awaitable[str] = _DEFAULT
    legacy_image: bool | None = None
    registry_credentials_arn: pulumi.Input[str] | None = None

    @property
    def legacy(self) -> bool:
        """Whether it is Airflow 1.10: as the caller says, else by the name of the image."""
        if self.legacy_image is not None:
            return self.legacy_image
        return isinstance(self.image, Image) and self.image.legacy

    @property
    def official(self) -> bool:
        """Whether it is known to be Airflow's own image."""
        return isinstance(self.image, Image) and self.image.official and not self.legacy

    def known(self, component: str, open_ports: Sequence[int]) -> pulumi.Output[Image]:
        """Return the image once its name is known; what could not be pulled is refused for `component` then."""
        if isinstance(self.image, Image):
            return pulumi.Output.from_input(self.image)

        def refuse(text: str) -> Iterator[Refusal]:
            try:
                yield from _refuse_registry(Image.parse(text), open_ports, self)
            except ValueError as error:
                yield Refusal("image", f"is {text!r}{error}")

        return checked_late(component, self.image, refuse).apply(Image.parse)


def refuse_image(settings: ImageSettings, open_ports: Sequence[int]) -> Iterator[Refusal]:
    """Refuse what ECS could not pull, or could not log in to."""
    if isinstance(settings.image, Image):
        yield from _refuse_registry(settings.image, open_ports, settings)
    arn = settings.registry_credentials_arn
    if isinstance(arn, str) and not _SECRET_ARN.fullmatch(arn):
        yield Refusal(
            "registry_credentials_arn",
            f"is {arn!r}; give the ARN of a secret in AWS Secrets Manager, "
            "such as arn:aws:secretsmanager:us-east-1:123456789012:secret:registry-AbCdEf",
        )


def _refuse_registry(image: Image, open_ports: Sequence[int], settings: ImageSettings) -> Iterator[Refusal]:
    rest = image.name.removeprefix(image.registry)
    if ecr := _ECR.fullmatch(image.registry):
        if settings.registry_credentials_arn is not None:
            yield Refusal(
                "registry_credentials_arn",
                "is given, but ECS logs in to Amazon ECR by the execution role; leave it out",
            )
        region = ecr["dual_stack_region"] or ecr["region"]
        china = ".cn" if region.startswith("cn-") else ""
        host = f"{ecr['account']}.dkr.ecr.{region}.amazonaws.com{china}"
        if ecr["dual_stack_region"]:
            # aws/containers-roadmap#2611
            yield Refusal(
                "image", f"is {image.name!r}, a dual-stack name, at which ECS does not log in; use {host}{rest}"
            )
        elif (ecr["china"] or "") != china:
            yield Refusal(
                "image", f"is {image.name!r}, but the registries of {region} have other names; use {host}{rest}"
            )
        elif ecr["port"]:
            name = f"{image.registry.removesuffix(ecr['port'])}{rest}"
            yield Refusal("image", f"is {image.name!r}, with a port, at which ECS does not log in to ECR; use {name}")
        return
    port = image.registry.partition(":")[2]
    if port and int(port) not in open_ports:
        yield Refusal("image", f"is {image.name!r}, but port {port} is closed; add {port} to egress_ports")


def refuse_tag(settings: ImageSettings, *, needs_providers: bool) -> Iterator[Refusal]:
    """Refuse an official image whose tag says that it is not Airflow 3, which our start command expects.

    :param needs_providers: Whether one without providers, and the packages that these bring, would not do either.
    """
    image = settings.image
    # A copy in another registry may have tags of its own.
    if not isinstance(image, Image) or not image.official or image.registry not in _DOCKER_HUB:
        return
    version = re.match(r"(?:slim-)?(\d+)(?![^.-])", image.tag)
    if version and int(version[1]) < 3:
        yield Refusal(
            "image", f"is {image.name!r}, which is Airflow {version[1]}; use Airflow 3, such as {DEFAULT_IMAGE}"
        )
    elif needs_providers and image.tag.startswith("slim-"):
        yield Refusal(
            "image",
            f"is {image.name!r}, without the providers that snapshots, logs, DAGs and databases need; leave out slim-, "
            "or build an image from it that has them",
        )


def image_definition(settings: ImageSettings, image: pulumi.Output[Image]) -> dict[str, Any]:
    """Return what a container definition says of its image."""
    arn = settings.registry_credentials_arn
    credentials = {} if arn is None else {"repositoryCredentials": {"credentialsParameter": arn}}
    return {"image": image.apply(lambda known: known.name), **credentials}


def image_part(settings: ImageSettings, image: pulumi.Output[Image], location: pulumi.Output[Location]) -> Part:
    """Let ECS pull the image: from a private repository of Amazon ECR, or with the caller's credentials."""
    ecr = pulumi.Output.all(image, location).apply(lambda known: list(pull_statements(known[0], known[1])))
    if settings.registry_credentials_arn is None:
        return Part(execution_permissions=(ecr,))
    read = {
        "Sid": "ReadRegistryCredentials",
        "Effect": "Allow",
        "Action": "secretsmanager:GetSecretValue",
        "Resource": settings.registry_credentials_arn,
    }
    return Part(execution_permissions=(ecr, [read]))


def pull_statements(image: Image, location: Location) -> Iterator[Statement]:
    """Yield what pulling from Amazon ECR takes, of that repository; from elsewhere it takes nothing.

    A repository of this account may be one that a pull-through cache fills, or even makes, when it is first asked for
    an image (AWS: Amazon ECR user guide, "IAM permissions required to sync an upstream registry").
    Only `ecr:GetAuthorizationToken` has no narrower resource than `*` (AWS: service authorization reference, Amazon
    ECR).
    """
    ecr = _ECR.fullmatch(image.registry)
    if not ecr:
        return
    repository = f"arn:{location.partition}:ecr:{ecr['region']}:{ecr['account']}:repository/{image.repository}"
    yield {
        "Sid": "LogInToRegistry",
        "Effect": "Allow",
        "Action": "ecr:GetAuthorizationToken",
        "Resource": "*",
    }
    yield {
        "Sid": "PullImage",
        "Effect": "Allow",
        "Action": ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
        "Resource": repository,
    }
    if ecr["account"] == location.account:
        yield {
            "Sid": "FillCache",
            "Effect": "Allow",
            "Action": ["ecr:BatchImportUpstreamImage", "ecr:CreateRepository"],
            "Resource": repository,
        }

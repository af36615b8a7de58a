"""The container image: its name taken apart, and what ECS needs to be allowed to pull it."""

import re
from collections.abc import Awaitable, Iterator
from dataclasses import dataclass

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

# AWS: Amazon ECR user guide, "Private registry": 123456789012.dkr.ecr.us-east-1.amazonaws.com
_ECR = re.compile(r"(?P<account>\d{12})\.dkr\.ecr(-fips)?\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?")


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


def _hint(text: str) -> str:
    if "://" in text:
        return ", without https://"
    if text.lower() != text and _NAME.fullmatch(text.lower()):
        return f"; repositories are in lower case: {text.lower()}"
    return ""


_DEFAULT = Image.parse(DEFAULT_IMAGE)


@dataclass(frozen=True, kw_only=True)
class ImageSettings(CapabilitySettings):
    """Which image runs."""

    image: Image | pulumi.Output[str] | Awaitable[str] = _DEFAULT
    legacy_image: bool | None = None

    @property
    def legacy(self) -> bool:
        """Whether it is Airflow 1.10: as the caller says, else by the name of the image."""
        if self.legacy_image is not None:
            return self.legacy_image
        return isinstance(self.image, Image) and self.image.legacy

    def known(self, component: str) -> pulumi.Output[Image]:
        """Return the image once its name is known; what is no name then is refused for `component`."""
        if isinstance(self.image, Image):
            return pulumi.Output.from_input(self.image)
        return checked_late(component, self.image, _refuse_image).apply(Image.parse)


def _refuse_image(text: str) -> Iterator[Refusal]:
    try:
        Image.parse(text)
    except ValueError as error:
        yield Refusal("image", f"is {text!r}{error}")


def refuse_generation(settings: ImageSettings) -> Iterator[Refusal]:
    """Refuse an official image whose tag says that it is not Airflow 3, which our start command expects."""
    image = settings.image
    if not isinstance(image, Image) or image.registry not in ("", "docker.io") or image.repository != "apache/airflow":
        return
    version = re.match(r"(?:slim-)?(\d+)\.", image.tag)
    if version and int(version[1]) < 3:
        yield Refusal(
            "image", f"is {image.name!r}, which is Airflow {version[1]}; use Airflow 3, such as {DEFAULT_IMAGE}"
        )


def image_part(image: pulumi.Output[Image], location: pulumi.Output[Location]) -> Part:
    """Let ECS pull the image, which takes a permission if it is in a private repository of Amazon ECR."""
    return Part(
        execution_permissions=(
            pulumi.Output.all(image, location).apply(lambda known: list(pull_statements(known[0], known[1]))),
        )
    )


def pull_statements(image: Image, location: Location) -> Iterator[Statement]:
    """Yield what pulling from Amazon ECR takes, of that repository; from elsewhere it takes nothing.

    Only `ecr:GetAuthorizationToken` has no narrower resource than `*` (AWS: service authorization reference, Amazon
    ECR).
    """
    ecr = _ECR.fullmatch(image.registry)
    if not ecr:
        return
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
        "Resource": f"arn:{location.partition}:ecr:{ecr['region']}:{ecr['account']}:repository/{image.repository}",
    }

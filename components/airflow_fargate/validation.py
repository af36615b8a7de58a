"""What `AirflowFargate` refuses, and the words in which it does.

Arguments in, settings or one error with every refusal out; of the outside, the folder of DAGs is read. A value that is
an output of another resource is not known yet and passes; what decides which resources exist must be plain.
"""

import re
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast
from urllib.parse import urlsplit

import pulumi
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from .arguments import AirflowFargateArgs
from .dag_files import DagFile, DagFolder, read_dag_folder

_SECRET_ARGUMENTS = ("admin_password", "dags_git_token", "secrets")

D = TypeVar("D")
T = TypeVar("T")

DEFAULT_IMAGE = "apache/airflow:3.3.2"

# AWS: Amazon ECS developer guide, "Task CPU and memory" for Fargate. Memory in MiB for each number of CPU units.
FARGATE_SIZES: Mapping[int, tuple[int, ...]] = {
    256: (512, 1024, 2048),
    512: tuple(range(1024, 4096 + 1, 1024)),
    1024: tuple(range(2048, 8192 + 1, 1024)),
    2048: tuple(range(4096, 16384 + 1, 1024)),
    4096: tuple(range(8192, 30720 + 1, 1024)),
    8192: tuple(range(16384, 61440 + 1, 4096)),
    16384: tuple(range(32768, 122880 + 1, 8192)),
}

# AWS: CloudWatch Logs API, PutRetentionPolicy.
LOG_RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)

# The least memory, in MiB, in which a DAG run was carried (docs/container.md), and the guide's own size.
LEAST_MEMORY = 1024
LEAST_MEMORY_LEGACY = 512

MIN_PASSWORD_LENGTH = 12

# AWS: IAM role names have at most 64 characters; ours is the longest suffix ("-execution-role") and Pulumi adds 8.
MAX_NAME_LENGTH = 64 - len("-execution-role") - 8

# AWS: a standard SSM parameter holds 4 KiB.
MAX_SECRET_BYTES = 4096

# Airflow: `dag_processor.bundle_refresh_check_interval`, how often it asks whether a bundle is to be refreshed.
MIN_DAGS_REFRESH_SECONDS = 5
DEFAULT_DAGS_REFRESH_SECONDS = 30

RESERVED_ENVIRONMENT: Mapping[str, str] = {
    "ADMIN_PASSWORD": "set admin_password",
    "AIRFLOW_CONN_DAGS_GIT": "set dags_git_url and dags_git_token",
    "AIRFLOW__API_AUTH__JWT_SECRET": "it is generated once for the stack",
    "AIRFLOW__API__PORT": "set port",
    "AIRFLOW__API__SECRET_KEY": "it is generated once for the stack",
    "AIRFLOW__CORE__AUTH_MANAGER": "the login is Airflow's simple auth manager",
    "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": "it follows port",
    "AIRFLOW__CORE__EXECUTOR": "everything runs in one container, by LocalExecutor",
    "AIRFLOW__CORE__FERNET_KEY": "it is generated once for the stack",
    "AIRFLOW__CORE__LOAD_EXAMPLES": "set load_examples",
    "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "it would let everybody in without a password",
    "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": "set admin_password",
    "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "set admin_username",
    "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": "set dags_path or dags_git_url",
    "CONNECTION_CHECK_MAX_COUNT": "the supervisor prepares the database itself",
    "_PIP_ADDITIONAL_REQUIREMENTS": "set pip_requirements",
}
RESERVED_ENVIRONMENT_LEGACY: Mapping[str, str] = {
    "AIRFLOW__CORE__FERNET_KEY": "it is generated once for the stack",
    "AIRFLOW__WEBSERVER__WEB_SERVER_PORT": "set port",
}


_DAG_ARGUMENTS = (
    *("dags_path", "dags_git_url", "dags_git_ref", "dags_git_subdir", "dags_git_token"),
    *("load_examples", "pip_requirements"),
)


class Refusal(NamedTuple):
    """One refused argument: its name, and why, with the value and the way out."""

    argument: str
    reason: str


class InvalidArgumentsError(pulumi.InputPropertiesError, pulumi.RunError):
    """Arguments that `AirflowFargate` refuses, all of them at once.

    As an `InputPropertiesError` it reaches callers in other languages with the path of each property; as a
    `RunError` it ends a Python program with its message alone, without a traceback.
    """

    def __init__(self, name: str, refusals: Iterable[Refusal]) -> None:
        """Put the refusals of the component called `name` into one message."""
        self.refusals = tuple(refusals)
        lines = "".join(f"\n  {refusal.argument}: {refusal.reason}" for refusal in self.refusals)
        super().__init__(
            f"AirflowFargate {name!r} was refused, nothing was created:{lines}",
            [{"property_path": refusal.argument, "reason": refusal.reason} for refusal in self.refusals],
        )


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The arguments with their defaults filled in, as the other modules read them."""

    image: pulumi.Input[str]
    legacy_image: bool
    command: tuple[str, ...] | None
    port: int
    cpu: int
    memory: int
    cpu_architecture: str
    ephemeral_storage_gib: int
    spot: bool
    allowed_cidrs: tuple[str, ...]
    egress_ports: tuple[int, ...]
    enable_exec: bool
    vpc_id: pulumi.Input[str] | None
    subnet_ids: pulumi.Input[list[pulumi.Input[str]]] | None
    admin_username: str
    admin_password: pulumi.Input[str] | None
    environment: Mapping[str, pulumi.Input[str]]
    secrets: Mapping[str, pulumi.Input[str]]
    dag_files: tuple[DagFile, ...]
    dags_refresh_seconds: int
    dags_git_url: str | None
    dags_git_ref: str
    dags_git_subdir: str
    dags_git_token: pulumi.Input[str] | None
    load_examples: bool
    pip_requirements: tuple[str, ...]
    log_retention_days: int
    tags: Mapping[str, pulumi.Input[str]]


def validate(name: str, args: AirflowFargateArgs) -> Settings:
    """Return the settings that `args` describe, or raise `InvalidArgumentsError` with everything that is refused."""
    reader = _Reader(args)
    image = reader.input_string("image", DEFAULT_IMAGE)
    legacy_image = reader.boolean("legacy_image", _is_legacy(image))
    dags_path = reader.optional_string("dags_path")
    dag_folder = DagFolder() if not dags_path or legacy_image else read_dag_folder(Path(dags_path))
    settings = Settings(
        image=image,
        legacy_image=legacy_image,
        command=reader.strings("command") if "command" in args else None,
        port=reader.integer("port", 8080),
        cpu=reader.integer("cpu", 512),
        memory=reader.integer("memory", 2048),
        cpu_architecture=reader.string("cpu_architecture", "X86_64"),
        ephemeral_storage_gib=reader.integer("ephemeral_storage_gib", 20),
        spot=reader.boolean("spot", False),
        allowed_cidrs=reader.strings("allowed_cidrs"),
        egress_ports=reader.integers("egress_ports"),
        enable_exec=reader.boolean("enable_exec", False),
        vpc_id=reader.optional_input("vpc_id", _string, "a string"),
        subnet_ids=reader.optional_input("subnet_ids", _list_of_inputs, "a list of strings"),
        admin_username=reader.string("admin_username", "" if legacy_image else "admin"),
        admin_password=reader.optional_input("admin_password", _string, "a string"),
        environment=reader.mapping("environment"),
        secrets=reader.mapping("secrets"),
        dag_files=tuple(dag_folder.files),
        dags_refresh_seconds=reader.integer("dags_refresh_seconds", DEFAULT_DAGS_REFRESH_SECONDS),
        dags_git_url=reader.optional_string("dags_git_url"),
        dags_git_ref=reader.string("dags_git_ref", "main"),
        dags_git_subdir=reader.string("dags_git_subdir", ""),
        dags_git_token=reader.optional_input("dags_git_token", _string, "a string"),
        load_examples=reader.boolean("load_examples", False),
        pip_requirements=reader.strings("pip_requirements"),
        log_retention_days=reader.integer("log_retention_days", 30),
        tags=reader.mapping("tags"),
    )
    allow_public_access = reader.boolean("allow_public_access", False)
    refusals = reader.refusals
    if not refusals:
        refusals = [
            *_refuse_name(name),
            *(refusal for rule in _RULES for refusal in rule(settings)),
            *_refuse_public_access(settings, allowed=allow_public_access),
            *_refuse_dag_sources(args, legacy_image=legacy_image),
            *_refuse_dag_folder(name, dags_path, dag_folder),
        ]
    if refusals:
        raise InvalidArgumentsError(name, refusals)
    return settings


def checked_password(name: str, password: str) -> str:
    """Return an administrator's password that was not known to `validate`, unless it is refused."""
    refusals = list(_refuse_password(password))
    if refusals:
        raise InvalidArgumentsError(name, refusals)
    return password


class _Reader:
    """Reads arguments as the types that they are declared with, and collects what has another type."""

    def __init__(self, args: AirflowFargateArgs) -> None:
        self.refusals: list[Refusal] = []
        self._args = cast(Mapping[str, Any], args)
        known = AirflowFargateArgs.__annotations__
        for argument in self._args:
            if argument not in known:
                self._refuse(argument, f"is not an argument; the arguments are {', '.join(sorted(known))}")

    def boolean(self, argument: str, default: bool) -> bool:
        return self._plain(argument, default, _boolean, "true or false")

    def integer(self, argument: str, default: int) -> int:
        return self._plain(argument, default, _integer, "a whole number")

    def string(self, argument: str, default: str) -> str:
        return self._plain(argument, default, _string, "a string")

    def optional_string(self, argument: str) -> str | None:
        return self._plain(argument, None, _string, "a string")

    def strings(self, argument: str) -> tuple[str, ...]:
        return self._plain(argument, (), _tuple_of(_string), "a list of strings")

    def integers(self, argument: str) -> tuple[int, ...]:
        return self._plain(argument, (), _tuple_of(_integer), "a list of whole numbers")

    def input_string(self, argument: str, default: str) -> pulumi.Input[str]:
        value = self.optional_input(argument, _string, "a string")
        return default if value is None else value

    def optional_input(self, argument: str, convert: Callable[[Any], T | None], kind: str) -> pulumi.Input[T] | None:
        value = self._args.get(argument)
        return cast("pulumi.Output[T]", value) if _is_output(value) else self._plain(argument, None, convert, kind)

    def mapping(self, argument: str) -> Mapping[str, pulumi.Input[str]]:
        nothing: Mapping[str, pulumi.Input[str]] = {}
        return self._plain(argument, nothing, _mapping, "names with strings as values, each of which may be an output")

    def _plain(self, argument: str, default: D, convert: Callable[[Any], T | None], kind: str) -> D | T:
        value = self._args.get(argument)
        if value is None:
            return default
        converted = None if _is_output(value) else convert(value)
        if converted is None:
            if _is_output(value) or (isinstance(value, list) and any(map(_is_output, cast(list[Any], value)))):
                shown = "is an output or a secret, but decides what is created"
            else:
                shown = "has a value of another type" if argument in _SECRET_ARGUMENTS else f"is {value!r}"
            self._refuse(argument, f"{shown}; give {kind}")
            return default
        return converted

    def _refuse(self, argument: str, reason: str) -> None:
        self.refusals.append(Refusal(argument, reason))


def _is_output(value: object) -> bool:
    return isinstance(value, pulumi.Output | Awaitable)


def _boolean(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _integer(value: object) -> int | None:
    """Accept whole floats: consumers in other languages send every number as one."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
        return None
    return int(value)


def _string(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _tuple_of(convert: Callable[[Any], T | None]) -> Callable[[Any], tuple[T, ...] | None]:
    def convert_all(value: object) -> tuple[T, ...] | None:
        if not isinstance(value, list | tuple):
            return None
        items = [convert(item) for item in cast(Iterable[Any], value)]
        return None if None in items else tuple(cast(list[T], items))

    return convert_all


def _list_of_inputs(value: object) -> list[pulumi.Input[str]] | None:
    if not isinstance(value, list | tuple):
        return None
    items = list(cast(Iterable[Any], value))
    return items if all(isinstance(item, str) or _is_output(item) for item in items) else None


def _mapping(value: object) -> Mapping[str, pulumi.Input[str]] | None:
    if not isinstance(value, Mapping):
        return None
    items = cast(Mapping[Any, Any], value)
    if not all(isinstance(key, str) and (isinstance(item, str) or _is_output(item)) for key, item in items.items()):
        return None
    return dict(items)


def _is_legacy(image: pulumi.Input[str]) -> bool:
    """Tell the legacy image by its repository, whatever the registry and the tag."""
    return isinstance(image, str) and re.search(r"(^|/)puckel/docker-airflow(:|@|$)", image) is not None


def _refuse_name(name: str) -> Iterator[Refusal]:
    if len(name) > MAX_NAME_LENGTH:
        yield Refusal(
            "name",
            f"is {name!r}, {len(name)} characters; use at most {MAX_NAME_LENGTH}, "
            "since IAM role names have at most 64 and Pulumi adds a suffix",
        )
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", name):
        yield Refusal("name", f"is {name!r}; use letters, digits, hyphens and underscores, a letter first")
    if name.lower().startswith(("aws", "ssm", "sg-")):
        yield Refusal(
            "name",
            f"is {name!r}; choose one that does not begin with aws, ssm or sg-, which AWS keeps for itself",
        )


def _refuse_image(settings: Settings) -> Iterator[Refusal]:
    if isinstance(settings.image, str) and not re.fullmatch(r"[\w][\w.:/@-]*", settings.image):
        yield Refusal("image", f"is {settings.image!r}; give a container image such as {DEFAULT_IMAGE}")
    if settings.command is not None and not settings.command:
        yield Refusal("command", "is an empty list; leave it out to have Airflow started")


def _refuse_port(settings: Settings) -> Iterator[Refusal]:
    if not 1024 <= settings.port <= 65535:
        yield Refusal("port", f"is {settings.port}; use 1024 to 65535, since the image does not run as root")


def _refuse_egress_ports(settings: Settings) -> Iterator[Refusal]:
    for port in settings.egress_ports:
        if not 1 <= port <= 65535:
            yield Refusal("egress_ports", f"has {port}; use 1 to 65535")
        if port in (53, 443):
            yield Refusal("egress_ports", f"has {port}, which is open already; leave it out")
    for port in _repeated(settings.egress_ports):
        yield Refusal("egress_ports", f"has {port} more than once; name it once")


def _refuse_size(settings: Settings) -> Iterator[Refusal]:
    cpu, memory = settings.cpu, settings.memory
    sizes = FARGATE_SIZES.get(cpu)
    if sizes is None:
        yield Refusal("cpu", f"is {cpu}; Fargate has {_listed(FARGATE_SIZES)} CPU units")
        return
    if memory not in sizes:
        yield Refusal("memory", f"is {memory} MiB; with cpu {cpu} Fargate has {_listed(sizes)} MiB")
    least = LEAST_MEMORY_LEGACY if settings.legacy_image else LEAST_MEMORY
    if memory < least:
        yield Refusal("memory", f"is {memory} MiB, which is not enough for Airflow; use at least {least} MiB")


def _refuse_cpu_architecture(settings: Settings) -> Iterator[Refusal]:
    architecture = settings.cpu_architecture
    if architecture not in ("X86_64", "ARM64"):
        yield Refusal("cpu_architecture", f"is {architecture!r}; use X86_64 or ARM64")
    elif architecture == "ARM64" and settings.legacy_image:
        yield Refusal("cpu_architecture", "is ARM64; the legacy image has X86_64 only")


def _refuse_ephemeral_storage(settings: Settings) -> Iterator[Refusal]:
    size = settings.ephemeral_storage_gib
    if not 20 <= size <= 200:
        yield Refusal("ephemeral_storage_gib", f"is {size}; use 20 to 200 GiB")


def _refuse_cidrs(settings: Settings) -> Iterator[Refusal]:
    networks: list[str] = []
    for cidr in settings.allowed_cidrs:
        try:
            network = ip_network(cidr)
        except ValueError:
            yield Refusal("allowed_cidrs", f"has {cidr!r}, which is not an address range; {_cidr_way_out(cidr)}")
            continue
        networks.append(str(network))
        if settings.legacy_image and network.prefixlen < _narrowest(network, 24, 64):
            yield Refusal(
                "allowed_cidrs",
                f"has {cidr}; the legacy image has no login: nothing wider than /24 (IPv4) or /64 (IPv6) may reach it",
            )
    for cidr in _repeated(networks):
        yield Refusal("allowed_cidrs", f"has {cidr} more than once; name it once")


def _refuse_public_access(settings: Settings, *, allowed: bool) -> Iterator[Refusal]:
    if settings.legacy_image or allowed:
        return
    for cidr in settings.allowed_cidrs:
        try:
            network = ip_network(cidr)
        except ValueError:
            continue
        if network.prefixlen < _narrowest(network, 8, 16):
            yield Refusal(
                "allowed_cidrs",
                f"has {cidr}, which lets the whole internet try the login; "
                "name the addresses that need it, or set allow_public_access to true",
            )


def _refuse_network(settings: Settings) -> Iterator[Refusal]:
    vpc_id, subnet_ids = settings.vpc_id, settings.subnet_ids
    if vpc_id is not None and subnet_ids is None:
        yield Refusal("subnet_ids", f"is missing, but vpc_id is {_shown(vpc_id)}; give both or neither")
    if subnet_ids is not None and vpc_id is None:
        yield Refusal("vpc_id", "is missing, but subnet_ids is given; give both or neither")
    if isinstance(vpc_id, str) and not re.fullmatch(r"vpc-[0-9a-f]{8,17}", vpc_id):
        yield Refusal("vpc_id", f"is {vpc_id!r}; the id of a VPC looks like vpc-0123456789abcdef0")
    if isinstance(subnet_ids, list):
        if not subnet_ids:
            yield Refusal("subnet_ids", "is an empty list; give at least one public subnet of the VPC")
        plain = [subnet_id for subnet_id in subnet_ids if isinstance(subnet_id, str)]
        for subnet_id in plain:
            if not re.fullmatch(r"subnet-[0-9a-f]{8,17}", subnet_id):
                yield Refusal(
                    "subnet_ids", f"has {subnet_id!r}; the id of a subnet looks like subnet-0123456789abcdef0"
                )
        for subnet_id in _repeated(plain):
            yield Refusal("subnet_ids", f"has {subnet_id} more than once; name it once")


def _refuse_login(settings: Settings) -> Iterator[Refusal]:
    username = settings.admin_username
    if settings.legacy_image:
        for argument, value in (
            ("admin_username", username or None),
            ("admin_password", settings.admin_password),
        ):
            if value is not None:
                yield Refusal(argument, "is given, but the legacy image has no login; leave it out")
        return
    if not re.fullmatch(r"[^\s:,]+", username):
        yield Refusal("admin_username", f"is {username!r}; use at least one character, and no blanks, colons or commas")
    if isinstance(settings.admin_password, str):
        yield from _refuse_password(settings.admin_password)


def _refuse_password(password: str) -> Iterator[Refusal]:
    """Name the length alone: the value must not be readable in an error."""
    if len(password) < MIN_PASSWORD_LENGTH:
        yield Refusal(
            "admin_password",
            f"has {len(password)} characters; use {MIN_PASSWORD_LENGTH} or more, or leave it out to have one generated",
        )


def _refuse_environment(settings: Settings) -> Iterator[Refusal]:
    reserved = RESERVED_ENVIRONMENT_LEGACY if settings.legacy_image else RESERVED_ENVIRONMENT
    for argument, names in (("environment", settings.environment), ("secrets", settings.secrets)):
        for variable in names:
            if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", variable):
                yield Refusal(argument, f"has {variable!r}; use letters, digits and underscores, no digit first")
            if variable in reserved:
                yield Refusal(argument, f"has {variable}, which the component sets itself: {reserved[variable]}")
    for variable in settings.environment.keys() & settings.secrets.keys():
        yield Refusal("environment", f"has {variable}, which is in secrets too; leave it in one of the two")
    for variable, value in settings.secrets.items():
        if isinstance(value, str) and not 1 <= len(value.encode()) <= MAX_SECRET_BYTES:
            yield Refusal(
                "secrets",
                f"has {variable} with {len(value.encode())} bytes; an SSM parameter holds 1 to {MAX_SECRET_BYTES}",
            )


def _refuse_dag_sources(args: AirflowFargateArgs, *, legacy_image: bool) -> Iterator[Refusal]:
    given = [argument for argument in _DAG_ARGUMENTS if args.get(argument) not in (None, False)]
    if args.get("dags_refresh_seconds", DEFAULT_DAGS_REFRESH_SECONDS) != DEFAULT_DAGS_REFRESH_SECONDS:
        given.append("dags_refresh_seconds")
    if legacy_image:
        for argument in given:
            why = "predates DAG bundles" if argument.startswith("dags_") else "does not read it"
            yield Refusal(
                argument, f"is given, but the legacy image {why}; leave it out, or use Airflow 3 ({DEFAULT_IMAGE})"
            )
    elif "dags_git_url" not in given:
        for argument in given:
            if argument.startswith("dags_git_"):
                yield Refusal(argument, "is given, but dags_git_url is not; give both or neither")


def _refuse_dag_folder(name: str, dags_path: str | None, folder: DagFolder) -> Iterator[Refusal]:
    if dags_path == "":
        yield Refusal("dags_path", "is ''; name a folder with DAG files in it, or leave it out")
    for problem in folder.problems:
        yield Refusal("dags_path", problem)
    if folder.files and "_" in name:
        yield Refusal(
            "name",
            f"is {name!r}; with dags_path use hyphens in place of underscores, which names of buckets cannot have",
        )


def _refuse_dags_refresh(settings: Settings) -> Iterator[Refusal]:
    seconds = settings.dags_refresh_seconds
    if seconds < MIN_DAGS_REFRESH_SECONDS:
        yield Refusal(
            "dags_refresh_seconds",
            f"is {seconds}; use {MIN_DAGS_REFRESH_SECONDS} or more, which is how often Airflow asks",
        )


def _refuse_git(settings: Settings) -> Iterator[Refusal]:
    url = settings.dags_git_url
    if url is None or settings.legacy_image:
        return
    yield from _refuse_git_url(url, settings.egress_ports)
    ref, subdir = settings.dags_git_ref, settings.dags_git_subdir
    # git: check-ref-format(1)
    if (
        not re.fullmatch(r"[^\s~^:?*\[\\\x00-\x1f\x7f]+", ref)
        or ref.startswith(("-", "/", "."))
        or ref.endswith(("/", ".", ".lock"))
        or any(part in ref for part in ("..", "//", "/.", "@{"))
    ):
        yield Refusal("dags_git_ref", f"is {ref!r}; give a branch, a tag or a commit, such as main")
    if subdir and (subdir.startswith(("/", "-")) or "\\" in subdir or {"..", "."} & set(subdir.split("/"))):
        yield Refusal(
            "dags_git_subdir", f"is {subdir!r}; give a folder inside the repository, relative to its root, such as dags"
        )
    token = settings.dags_git_token
    if token == "":
        yield Refusal("dags_git_token", "is empty; leave it out for a repository that anybody may read")
    elif token is not None and url.startswith("http://"):
        yield Refusal("dags_git_token", "would be sent in the clear over http://; use an https:// URL in dags_git_url")


def _refuse_git_url(url: str, egress_ports: tuple[int, ...]) -> Iterator[Refusal]:
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError as error:
        yield Refusal("dags_git_url", f"is {url!r}: {error}; give one such as https://example.com/team/dags.git")
        return
    if "@" in parts.netloc:
        yield Refusal("dags_git_url", "has a user name or password in it; leave it out, and set dags_git_token")
    elif port is None or not parts.hostname or len(parts.path) < 2 or parts.query or parts.fragment or " " in url:
        yield Refusal("dags_git_url", f"is {url!r}; give one such as https://example.com/team/dags.git")
    elif port not in (443, *egress_ports):
        yield Refusal("dags_git_url", f"is {url}, but port {port} is closed; add it to egress_ports")


def _refuse_pip_requirements(settings: Settings) -> Iterator[Refusal]:
    names: list[str] = []
    for text in settings.pip_requirements:
        try:
            requirement = Requirement(text)
        except InvalidRequirement as error:
            reason = str(error).splitlines()[0]
            yield Refusal("pip_requirements", f"has {text!r}: {reason}; give one such as pandas==2.3.*")
            continue
        name = canonicalize_name(requirement.name)
        names.append(name)
        if requirement.url or requirement.marker:
            yield Refusal(
                "pip_requirements",
                f"has {requirement.name} with a URL or a marker; name package and version only, or build an image",
            )
        elif name == "apache-airflow":
            yield Refusal("pip_requirements", f"has {text!r}; the version of Airflow is that of image")
        elif re.search(r"\s", text):
            yield Refusal("pip_requirements", f"has {text!r}; leave out the blanks, at which the entrypoint splits")
    for name in _repeated(names):
        yield Refusal("pip_requirements", f"has {name} more than once; name it once")


def _refuse_log_retention(settings: Settings) -> Iterator[Refusal]:
    days = settings.log_retention_days
    if days not in LOG_RETENTION_DAYS:
        yield Refusal("log_retention_days", f"is {days}; CloudWatch has {_listed(LOG_RETENTION_DAYS)} days")


def _refuse_tags(settings: Settings) -> Iterator[Refusal]:
    if len(settings.tags) > 50:
        yield Refusal("tags", f"has {len(settings.tags)} tags; AWS allows 50 on a resource")
    for key, value in settings.tags.items():
        if key.lower().startswith("aws:"):
            yield Refusal("tags", f"has {key!r}; names that begin with aws: belong to AWS, choose another")
        if not 1 <= len(key) <= 128:
            yield Refusal("tags", f"has the name {key!r}, {len(key)} characters; use 1 to 128")
        if isinstance(value, str) and len(value) > 256:
            yield Refusal("tags", f"has {key!r} with a value of {len(value)} characters; use at most 256")


_RULES: tuple[Callable[[Settings], Iterator[Refusal]], ...] = (
    _refuse_image,
    _refuse_port,
    _refuse_egress_ports,
    _refuse_size,
    _refuse_cpu_architecture,
    _refuse_ephemeral_storage,
    _refuse_cidrs,
    _refuse_network,
    _refuse_login,
    _refuse_environment,
    _refuse_dags_refresh,
    _refuse_git,
    _refuse_pip_requirements,
    _refuse_log_retention,
    _refuse_tags,
)


def _narrowest(network: IPv4Network | IPv6Network, ipv4: int, ipv6: int) -> int:
    return ipv4 if isinstance(network, IPv4Network) else ipv6


def _cidr_way_out(cidr: str) -> str:
    try:
        return f"the range around it is {ip_network(cidr, strict=False)}"
    except ValueError:
        return "give one such as 203.0.113.7/32"


def _listed(values: Iterable[object]) -> str:
    return ", ".join(str(value) for value in values)


def _repeated(values: Iterable[T]) -> list[T]:
    return [value for value, times in Counter(values).items() if times > 1]


def _shown(value: pulumi.Input[str]) -> str:
    return value if isinstance(value, str) else "given"

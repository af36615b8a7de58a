"""What `AirflowFargate` refuses, and the words in which it does.

Arguments in, settings or one error with every refusal out; of the outside, the folder of DAGs is read. A value that is
an output of another resource is not known yet and passes; what decides which resources exist must be plain.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network

import pulumi

from .arguments import AirflowFargateArgs
from .dags.rules import DAG_RULES, refuse_dag_folder, refuse_dag_sources
from .errors import InvalidArgumentsError, Refusal, repeated
from .settings import DEFAULT_IMAGE, Settings, read_settings

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


def validate(name: str, args: AirflowFargateArgs) -> Settings:
    """Return the settings that `args` describe, or raise `InvalidArgumentsError` with everything that is refused."""
    settings, refusals = read_settings(args)
    if not refusals:
        refusals = [
            *_refuse_name(name),
            *(refusal for rule in (*_RULES, *DAG_RULES) for refusal in rule(settings)),
            *refuse_dag_sources(args, settings),
            *refuse_dag_folder(name, settings),
        ]
    if refusals:
        raise InvalidArgumentsError(name, refusals)
    return settings


def checked_password(name: str, password: str) -> str:
    """Return an administrator's password that was not known to `validate`, unless it is refused."""
    return _checked(name, password, _refuse_password(password))


def checked_secret(name: str, variable: str, value: str) -> str:
    """Return a secret of the environment whose value was not known to `validate`, unless it is refused."""
    return _checked(name, value, _refuse_secret(variable, value))


def _checked(name: str, value: str, refusals: Iterable[Refusal]) -> str:
    if found := list(refusals):
        raise InvalidArgumentsError(name, found)
    return value


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
    for port in repeated(settings.egress_ports):
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
    for cidr in repeated(networks):
        yield Refusal("allowed_cidrs", f"has {cidr} more than once; name it once")


def _refuse_public_access(settings: Settings) -> Iterator[Refusal]:
    if settings.legacy_image or settings.allow_public_access:
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
        for subnet_id in repeated(plain):
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
        if isinstance(value, str):
            yield from _refuse_secret(variable, value)


def _refuse_secret(variable: str, value: str) -> Iterator[Refusal]:
    size = len(value.encode())
    if not 1 <= size <= MAX_SECRET_BYTES:
        yield Refusal("secrets", f"has {variable} with {size} bytes; an SSM parameter holds 1 to {MAX_SECRET_BYTES}")


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
    _refuse_public_access,
    _refuse_network,
    _refuse_login,
    _refuse_environment,
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


def _shown(value: pulumi.Input[str]) -> str:
    return value if isinstance(value, str) else "given"

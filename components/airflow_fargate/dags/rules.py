"""What is refused of the arguments that bring DAGs, and the words in which it is."""

import re
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from ..arguments import AirflowFargateArgs
from ..errors import Refusal, repeated
from ..settings import DEFAULT_DAGS_REFRESH_SECONDS, DEFAULT_IMAGE, Settings

# Airflow: `dag_processor.bundle_refresh_check_interval`, how often it asks whether a bundle is to be refreshed.
_MIN_DAGS_REFRESH_SECONDS = 5

_DAG_ARGUMENTS = (
    *("dags_path", "dags_git_url", "dags_git_ref", "dags_git_subdir", "dags_git_token"),
    *("load_examples", "pip_requirements"),
)


def refuse_dag_sources(args: AirflowFargateArgs, settings: Settings) -> Iterator[Refusal]:
    """Yield a refusal for each DAG argument that the image, or the lack of another argument, leaves without effect."""
    given = [argument for argument in _DAG_ARGUMENTS if args.get(argument) not in (None, False)]
    if args.get("dags_refresh_seconds", DEFAULT_DAGS_REFRESH_SECONDS) != DEFAULT_DAGS_REFRESH_SECONDS:
        given.append("dags_refresh_seconds")
    if settings.legacy_image:
        for argument in given:
            why = "predates DAG bundles" if argument.startswith("dags_") else "does not read it"
            yield Refusal(
                argument, f"is given, but the legacy image {why}; leave it out, or use Airflow 3 ({DEFAULT_IMAGE})"
            )
    elif "dags_git_url" not in given:
        for argument in given:
            if argument.startswith("dags_git_"):
                yield Refusal(argument, "is given, but dags_git_url is not; give both or neither")


def refuse_dag_folder(name: str, settings: Settings) -> Iterator[Refusal]:
    """Yield a refusal for each problem of the folder, and for a name that its bucket could not have."""
    folder = settings.dag_folder
    if settings.dags_path == "":
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
    if seconds < _MIN_DAGS_REFRESH_SECONDS:
        yield Refusal(
            "dags_refresh_seconds",
            f"is {seconds}; use {_MIN_DAGS_REFRESH_SECONDS} or more, which is how often Airflow asks",
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
    for name in repeated(names):
        yield Refusal("pip_requirements", f"has {name} more than once; name it once")


DAG_RULES: tuple[Callable[[Settings], Iterator[Refusal]], ...] = (
    _refuse_dags_refresh,
    _refuse_git,
    _refuse_pip_requirements,
)

"""Rules for the arguments that bring DAGs, with the words of each refusal."""

import re
from collections.abc import Callable, Iterator, Sequence
from urllib.parse import urlsplit

from ..errors import Refusal
from .bundles import refuse_token
from .packages import refuse_packages
from .settings import DagSettings

# Airflow: `dag_processor.bundle_refresh_check_interval`, how often it asks whether a bundle is to be refreshed.
_MIN_REFRESH_SECONDS = 5


def _page(mark: str) -> re.Pattern[str]:
    return re.compile(
        rf"(?P<repository>/[^/]+/[^/]+(?:/[^/]+)*?)/(?:{mark})/(?P<ref>[^/]+)(?:/(?P<folder>.+?))?/?(?<!\.git)"
    )


# Where GitHub, GitLab (`/-/`), Gitea (`src/branch`) and Bitbucket (`src`) show a folder or a file of a repository.
# Elsewhere `src` alone may be a group of GitLab's.
_PAGE = _page("(?:-/)?(?:tree|(?P<file>blob))|src/(?:branch|tag|commit)")
_PAGE_OF_BITBUCKET = _page("src")
_BITBUCKET = "bitbucket.org"

# Where a repository is no deeper than this, so that all that follows is a page of it; and GitLab's mark of one.
_REPOSITORY_OF_HOST = re.compile(r"(?P<repository>/[^/]+/[^/]+)/.+")
_SHALLOW_HOSTS = ("github.com", _BITBUCKET)
_PAGE_OF_GITLAB = re.compile(r"(?P<repository>/[^/]+/.+?)/-/.+")


def refuse_dags(settings: DagSettings, *, open_ports: Sequence[int]) -> Iterator[Refusal]:
    """Refuse what Git, pip or Airflow would, and a repository that is behind none of the ports that lead out."""
    seconds = settings.dags_refresh_seconds
    if seconds < _MIN_REFRESH_SECONDS:
        yield Refusal(
            "dags_refresh_seconds",
            f"is {seconds}; use {_MIN_REFRESH_SECONDS} or more, which is how often Airflow asks",
        )
    if settings.dags_git_url is not None:
        yield from _refuse_url(settings.dags_git_url, open_ports)
        yield from _refuse_git(settings, settings.dags_git_url)
    else:
        for argument in sorted(settings.given):
            if argument.startswith("dags_git_"):
                yield Refusal(argument, "is given, but dags_git_url is not; give both or neither")
    yield from refuse_packages(settings.pip_requirements)


def refuse_folders(settings: DagSettings, *, own_command: bool) -> Iterator[Refusal]:
    """Refuse each problem of the folders, which are read for that, and plugins that nothing would put in place."""
    if settings.dags_path == "":
        yield Refusal("dags_path", "is ''; name a folder with DAG files in it, or leave it out")
    for problem in settings.folder.problems:
        yield Refusal("dags_path", problem)
    if settings.plugins_path == "":
        yield Refusal("plugins_path", "is ''; name a folder with plugin files in it, or leave it out")
    elif settings.plugins_path and own_command:
        yield Refusal("plugins_path", "is given with a command, which runs without it; put plugins into the image")
    else:
        for problem in settings.plugins.problems:
            yield Refusal("plugins_path", problem)


def refuse_requirements(
    settings: DagSettings, problems: Callable[[], Sequence[str]], *, own_command: bool
) -> Iterator[Refusal]:
    """Refuse packages that are asked for twice, or that nothing would install; then what uv could not resolve."""
    argument, path = "requirements_path", settings.requirements_path
    if path is None:
        if settings.constraints_path is not None:
            yield Refusal("constraints_path", f"is given, but {argument} is not; give both or neither")
    elif path == "":
        yield Refusal(argument, "is ''; name a file with requirements in it, or leave it out")
    elif settings.pip_requirements:
        yield Refusal(argument, "is given, and pip_requirements too; move those into the file")
    elif own_command:
        yield Refusal(argument, "is given with a command, which runs without them; put packages into the image")
    else:
        for problem in problems():
            yield Refusal(argument, problem)


def _refuse_git(settings: DagSettings, url: str) -> Iterator[Refusal]:
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
    for argument, text in (("dags_git_ref", ref), ("dags_git_subdir", subdir)):
        if "$" in text:  # behind which Airflow puts in the value of a variable
            yield Refusal(argument, f"is {text!r}, of which Airflow makes another name; take one without a dollar sign")
    token, username = settings.dags_git_token, settings.dags_git_username
    if username and token is None:
        yield Refusal("dags_git_username", "is given, but dags_git_token is not; give both or neither")
    elif re.search(r"[\s:]", username):
        yield Refusal("dags_git_username", f"is {username!r}; give a name without blanks and colons")
    if token == "":
        yield Refusal("dags_git_token", "is empty; leave it out for a repository that anybody may read")
    elif token is not None and url.startswith("http://"):
        yield Refusal("dags_git_token", "would be sent in the clear over http://; use an https:// URL in dags_git_url")
    elif isinstance(token, str):
        yield from refuse_token(url, username, token)


def _refuse_url(url: str, open_ports: Sequence[int]) -> Iterator[Refusal]:
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
    elif page := (_PAGE_OF_BITBUCKET if parts.hostname == _BITBUCKET else _PAGE).fullmatch(parts.path):
        path = page["folder"] or ""
        folder = path.rpartition("/")[0] if page.groupdict().get("file") else path
        subdir = f" and dags_git_subdir {folder}" if folder else ""
        yield Refusal(
            "dags_git_url",
            f"is {url}, a page of its web interface; "
            f"give {parts.scheme}://{parts.netloc}{page['repository']} with dags_git_ref {page['ref']}{subdir}",
        )
    elif page := (_REPOSITORY_OF_HOST if parts.hostname in _SHALLOW_HOSTS else _PAGE_OF_GITLAB).fullmatch(parts.path):
        yield Refusal(
            "dags_git_url",
            f"is {url}, a page of its web interface; give {parts.scheme}://{parts.netloc}{page['repository']}",
        )
    elif port not in open_ports:
        yield Refusal("dags_git_url", f"is {url}, but port {port} is closed; add it to egress_ports")

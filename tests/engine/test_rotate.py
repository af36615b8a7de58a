"""`make rotate STACK=… WHAT=…` with the program of this repository: what is another one, and what the stack keeps."""

import base64

import pytest

from local.testing.deployed import Deployed
from local.testing.workspace import Workspace
from tests.stories import tell

FERNET, API, JWT = "AIRFLOW__CORE__FERNET_KEY", "AIRFLOW__API__SECRET_KEY", "AIRFLOW__API_AUTH__JWT_SECRET"
ADMIN = "admin_password"


def test_generated_secrets_are_rotated(root_workspace: Workspace, subtests: pytest.Subtests) -> None:
    root_workspace.up()
    tell(
        subtests,
        [
            the_password_of_the_administrator_alone_is_another,
            the_keys_of_the_api_server_alone_are_others,
            a_new_fernet_key_stands_before_the_one_that_was_used,
            the_next_up_has_nothing_to_do,
            the_same_again_changes_nothing,
            what_else_has_changed_is_not_deployed,
            the_one_before_is_forgotten_when_that_is_asked_for,
            a_password_of_the_callers_own_is_not_ours_to_rotate,
            an_unknown_stack_is_refused_in_pulumis_words,
        ],
        root_workspace,
    )


def the_password_of_the_administrator_alone_is_another(workspace: Workspace) -> None:
    assert rotate(workspace, "admin-password") == {ADMIN}


def the_keys_of_the_api_server_alone_are_others(workspace: Workspace) -> None:
    assert rotate(workspace, "api-keys") == {API, JWT}


def a_new_fernet_key_stands_before_the_one_that_was_used(workspace: Workspace) -> None:
    before = secrets(workspace)[FERNET]

    assert rotate(workspace, "fernet") == {FERNET}

    new, _, old = secrets(workspace)[FERNET].partition(",")
    assert old == before
    assert len(base64.urlsafe_b64decode(new)) == 32


def the_next_up_has_nothing_to_do(workspace: Workspace) -> None:
    workspace.preview("--expect-no-changes")


def the_same_again_changes_nothing(workspace: Workspace) -> None:
    assert rotate(workspace, "fernet") == set()


def what_else_has_changed_is_not_deployed(workspace: Workspace) -> None:
    before = secrets(workspace)
    workspace.stack.pulumi("config", "set", "cpu", "1024")
    try:
        for what in ("api-keys", "fernet-forget"):
            refused = workspace.command("operate.rotate", workspace.stack.name, what)

            assert refused.returncode == 1
            assert "nothing was rotated" in refused.stderr
    finally:
        workspace.stack.pulumi("config", "rm", "cpu")
    assert secrets(workspace) == before
    workspace.preview("--expect-no-changes")


def the_one_before_is_forgotten_when_that_is_asked_for(workspace: Workspace) -> None:
    new = secrets(workspace)[FERNET].partition(",")[0]

    assert rotate(workspace, "fernet-forget") == {FERNET}

    assert secrets(workspace)[FERNET] == new


def a_password_of_the_callers_own_is_not_ours_to_rotate(workspace: Workspace) -> None:
    workspace.stack.pulumi("config", "set", "--secret", "adminPassword", "a password of my own")
    workspace.up()

    refused = workspace.command("operate.rotate", workspace.stack.name, "admin-password")

    assert refused.returncode == 1
    assert "has generated no admin-password" in refused.stderr
    assert "pulumi config set --secret adminPassword" in refused.stderr


def an_unknown_stack_is_refused_in_pulumis_words(workspace: Workspace) -> None:
    refused = workspace.command("operate.rotate", "nowhere", "fernet")

    assert refused.returncode == 1
    assert "nowhere" in refused.stderr


def rotate(workspace: Workspace, what: str) -> set[str]:
    """Rotate, and return which of the secrets are others."""
    before = secrets(workspace)
    ended = workspace.command("operate.rotate", workspace.stack.name, what)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert not any(value in ended.stdout + ended.stderr for value in secrets(workspace).values())
    return {name for name, value in secrets(workspace).items() if value != before[name]}


def secrets(workspace: Workspace) -> dict[str, str]:
    """Return the values that the component has generated, as ECS and a person are given them."""
    deployed = Deployed(workspace.stack.cloud, workspace)
    return {name: deployed.secret(name) for name in (FERNET, API, JWT)} | {ADMIN: workspace.outputs()[ADMIN]}

"""The effects of the caller's environment variables: where tasks ask the API, what goes by a proxy, who may log in."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pulumi
import pytest
from airflow_fargate import AirflowFargate, AirflowFargateArgs, InvalidArgumentsError
from airflow_fargate.proxy import proxy_part
from airflow_fargate.validation import validate

from .conftest import Deploy, Registered
from .test_inputs import container

BASE_URL = "AIRFLOW__API__BASE_URL"
EXECUTION_API = "AIRFLOW__CORE__EXECUTION_API_SERVER_URL"
OURS = "localhost,127.0.0.1,::1,169.254.169.254,169.254.170.2"


def environment(deployment: Registered) -> dict[str, str]:
    return {variable["name"]: variable["value"] for variable in container(deployment)["environment"]}


def secret_values(deployment: Registered) -> dict[str, str]:
    """Return the values of the secret variables, by name."""
    parameters = [r for r in deployment.recorder.resources if r.typ == "aws:ssm/parameter:Parameter"]
    values: dict[str, Any] = {r.name.removeprefix("airflow-"): r.inputs for r in parameters}
    return {name: inputs["value"] for name, inputs in values.items()}


def deploy_late(deploy: Deploy, args: Callable[[], Any]) -> Registered:
    """Build the component with arguments that are made in the program, as outputs must be."""
    return deploy(lambda: AirflowFargate("airflow", args()))


@pytest.mark.parametrize(
    ("args", "execution_api", "url"),
    [
        pytest.param({}, "http://localhost:8080/execution/", "http://203.0.113.80:8080", id="nothing given"),
        pytest.param({"port": 9090}, "http://localhost:9090/execution/", "http://203.0.113.80:9090", id="a port"),
        *(
            pytest.param(
                {"port": port, argument: {name: value}},
                f"http://localhost:{port}{path}/execution/",
                f"http://203.0.113.80:{port}{path}",
                id=f"{name} {value} in {argument}",
            )
            for port, argument, name, value, path in (
                (8080, "environment", BASE_URL, "http://airflow.corp.example:8080", ""),
                (9090, "environment", BASE_URL, "http://airflow.corp.example/team/airflow/", "/team/airflow"),
                (8080, "environment", BASE_URL, "https://airflow.corp.example/airflow", "/airflow"),
                (8080, "environment", BASE_URL, "/airflow", "/airflow"),
                (8080, "secrets", BASE_URL, "https://airflow.corp.example/airflow", "/airflow"),
                (8080, "environment", "AIRFLOW__WEBSERVER__BASE_URL", "https://a.example/airflow", "/airflow"),
            )
        ),
        pytest.param(
            {"environment": {BASE_URL: "/new", "AIRFLOW__WEBSERVER__BASE_URL": "/old"}},
            "http://localhost:8080/new/execution/",
            "http://203.0.113.80:8080/new",
            id="both names: the new one counts",
        ),
    ],
)
def test_tasks_ask_the_api_in_their_own_container_wherever_people_reach_it(
    deploy: Deploy, args: dict[str, Any], execution_api: str, url: str
) -> None:
    deployment = deploy(**args)

    assert environment(deployment)[EXECUTION_API] == execution_api
    assert environment(deployment)["AIRFLOW__API__PORT"] == str(args.get("port", 8080)), "an image may have another"
    assert deployment.outputs["url"] == url


def test_a_base_url_that_is_known_late_is_followed_as_well(deploy: Deploy) -> None:
    deployment = deploy_late(
        deploy, lambda: {"environment": {BASE_URL: pulumi.Output.from_input("https://a.example/airflow")}}
    )

    assert environment(deployment)[EXECUTION_API] == "http://localhost:8080/airflow/execution/"
    assert deployment.outputs["url"] == "http://203.0.113.80:8080/airflow"


@pytest.mark.parametrize(
    ("args", "bypass"),
    [
        *(
            pytest.param({argument: {name: "https://proxy.example"}}, OURS, id=f"{name} in {argument}")
            for argument in ("environment", "secrets")
            for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
        ),
        *(
            pytest.param(
                {"environment": {"HTTPS_PROXY": "https://proxy.example", name: ".corp.example, 127.0.0.1"}},
                ".corp.example,127.0.0.1,localhost,::1,169.254.169.254,169.254.170.2",
                id=f"{name} is kept",
            )
            for name in ("NO_PROXY", "no_proxy")
        ),
        pytest.param(
            {"environment": {"HTTPS_PROXY": "https://proxy.example", "NO_PROXY": "*"}}, "*", id="no proxy at all"
        ),
    ],
)
def test_what_is_in_the_task_is_never_asked_for_by_a_proxy(args: AirflowFargateArgs, bypass: str) -> None:
    part = proxy_part(validate("airflow", args).environment)

    async def told() -> dict[str, str | None]:
        return {name: await pulumi.Output.from_input(value).future() for name, value in part.environment.items()}

    assert asyncio.get_event_loop().run_until_complete(told()) == {"NO_PROXY": bypass, "no_proxy": bypass}


def test_without_a_proxy_there_is_no_bypass(deploy: Deploy) -> None:
    assert "no_proxy" not in {name.lower() for name in environment(deploy())}


def test_a_secret_bypass_stays_a_secret(deploy: Deploy) -> None:
    deployment = deploy(environment={"HTTPS_PROXY": "https://proxy.example"}, secrets={"NO_PROXY": "secret.example"})

    assert "no_proxy" not in {name.lower() for name in environment(deployment)}
    values = secret_values(deployment)
    assert (values["NO_PROXY"], values["no_proxy"]) == (f"secret.example,{OURS}", f"secret.example,{OURS}")


def test_each_spelling_of_the_bypass_keeps_its_value_and_its_secrecy(deploy: Deploy) -> None:
    deployment = deploy(
        environment={"HTTPS_PROXY": "https://proxy.example", "NO_PROXY": "plain.example"},
        secrets={"no_proxy": "secret.example"},
    )

    given = environment(deployment)
    assert (given["NO_PROXY"], given.get("no_proxy")) == (f"plain.example,{OURS}", None)
    values = secret_values(deployment)
    assert (values["no_proxy"], values.get("NO_PROXY")) == (f"secret.example,{OURS}", None)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (
            lambda: {"environment": {"HTTP_PROXY": pulumi.Output.from_input("http://user:hunter2@proxy.example:3128")}},
            "environment: has HTTP_PROXY but its port 3128 is closed; add 3128 to egress_ports",
        ),
        (
            lambda: {"secrets": {BASE_URL: pulumi.Output.secret("hunter2")}},
            f"secrets: has {BASE_URL} as a secret, which is no address of a web interface",
        ),
    ],
    ids=["a proxy", "a base URL"],
)
def test_what_is_known_late_is_refused_without_being_shown(deploy: Deploy, args: Callable[[], Any], words: str) -> None:
    with pytest.raises(InvalidArgumentsError) as refused:
        deploy_late(deploy, args)

    assert words in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_a_secret_takes_the_place_of_a_default(deploy: Deploy) -> None:
    deployment = deploy(secrets={"AIRFLOW__CORE__PARALLELISM": "3"})

    assert "AIRFLOW__CORE__PARALLELISM" not in environment(deployment), "ECS refuses a name that is there twice"
    assert secret_values(deployment)["AIRFLOW__CORE__PARALLELISM"] == "3"


def test_the_login_is_ours_whatever_the_image_sets(deploy: Deploy) -> None:
    given = environment(deploy())

    assert given["AIRFLOW__CORE__AUTH_MANAGER"] == "airflow_fargate_login.AuthManager"
    assert "airflow_fargate_login.py" in json.loads(given["AIRFLOW_FARGATE_MODULES"])
    assert given["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS"] == "False"


def test_a_command_of_the_callers_has_airflows_own_auth_manager(deploy: Deploy) -> None:
    given = environment(deploy(command=["airflow", "standalone"]))

    manager = "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager"
    assert given["AIRFLOW__CORE__AUTH_MANAGER"] == manager
    assert "AIRFLOW_FARGATE_MODULES" not in given


def test_users_are_told_to_airflow_and_their_passwords_to_the_supervisor(deploy: Deploy) -> None:
    deployment = deploy(admin_username="root", users={"vera": "viewer", "otto": "op"})

    assert environment(deployment)["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS"] == "root:admin,otto:op,vera:viewer"
    passwords = dict.fromkeys(("otto", "vera"), "generated-password")
    # In any order that they are given in: another text would be another task.
    assert secret_values(deployment)["USER_PASSWORDS"] == json.dumps(passwords)
    assert deployment.outputs["user_passwords"] == passwords
    assert "USER_PASSWORDS" not in secret_values(deploy())
    assert deploy().outputs["user_passwords"] == {}


@pytest.mark.parametrize("command", [None, ["airflow", "standalone"]])
def test_with_an_auth_manager_of_the_images_own_nothing_is_set_of_the_login(
    deploy: Deploy, command: list[str] | None
) -> None:
    own = {"AIRFLOW__CORE__AUTH_MANAGER": "company.login.AuthManager"}
    deployment = deploy(environment=own, **({"command": command} if command else {}))

    assert {name: value for name, value in environment(deployment).items() if "AUTH_MANAGER" in name} == own
    assert secret_values(deployment).keys().isdisjoint({"ADMIN_PASSWORD", "USER_PASSWORDS"})
    assert container(deployment)["command"] == (command or container(deploy())["command"])
    logins = {name: deployment.outputs[name] for name in ("admin_username", "admin_password", "user_passwords")}
    assert logins == {"admin_username": "", "admin_password": "", "user_passwords": {}}

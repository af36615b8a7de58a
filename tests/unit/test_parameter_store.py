"""Connections and variables in Parameter Store: what Airflow is told, what it may read, and what is refused."""

import json
import re
from typing import Any

import pulumi
import pytest
from airflow_fargate import AirflowFargateArgs, InvalidArgumentsError
from airflow_fargate.validation import validate

from .conftest import Deploy, Registered
from .test_dags import environment

PARAMETER = "aws:ssm/parameter:Parameter"
SALES = "postgresql://user:a-password@db.example.com:5432/sales"


def backend(deployment: Registered) -> dict[str, Any]:
    return json.loads(environment(deployment)["AIRFLOW__SECRETS__BACKEND_KWARGS"])


def looked_for(deployment: Registered, connection: str) -> bool:
    """Whether Airflow's backend asks for a connection: it matches the pattern at the beginning of the name."""
    return re.match(backend(deployment)["connections_lookup_pattern"], connection, re.IGNORECASE) is not None


def test_nothing_is_asked_of_parameter_store_by_default(deploy: Deploy) -> None:
    assert [name for name in environment(deploy()) if name.startswith("AIRFLOW__SECRETS__")] == []


def test_what_is_given_is_where_airflow_looks_for_it(deploy: Deploy) -> None:
    deployment = deploy(connections={"sales": SALES}, variables={"region": "north"})

    told = backend(deployment)
    kept = {each["name"]: each["value"] for each in deployment.inputs_of_all(PARAMETER) if "name" in each}
    assert kept == {
        f"{told['connections_prefix']}/sales": SALES,
        f"{told['variables_prefix']}/region": "north",
    }
    assert told["config_prefix"] is None, "a setting of Airflow would be a call at every start of a process"


def test_airflow_asks_in_the_stacks_region_wherever_dags_ask(deploy: Deploy) -> None:
    deployment = deploy(variables={"region": "north"}, environment={"AWS_DEFAULT_REGION": "eu-west-1"})

    assert backend(deployment)["region_name"] == "us-east-1"


def test_another_value_or_one_more_name_is_no_other_task(deploy: Deploy) -> None:
    before = environment(deploy(connections={"sales": SALES}))

    assert environment(deploy(connections={"sales": "http://example.com", "web": "http://example.com"})) == before


@pytest.mark.parametrize(
    ("given", "connection", "asked"),
    [
        ([], "sales", True),
        ([], "aws_default", False),
        ([], "sqs_default", False),
        (["aws_default"], "aws_default", True),
        (["aws_default"], "sqs_default", False),
        (["aws_default"], "my_aws_default", False),
        (["a.b_default"], "axb_default", False),
    ],
)
def test_the_defaults_that_airflow_asks_for_by_itself_cost_no_call(
    deploy: Deploy, given: list[str], connection: str, asked: bool
) -> None:
    deployment = deploy(secrets_backend_prefix="/team/airflow", connections=dict.fromkeys(given, SALES))

    assert looked_for(deployment, connection) is asked


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a URI without a type": (
        {"connections": {"sales": "db.example.com/sales"}},
        "a URI without a type in front of ://",
    ),
    "no URI": ({"connections": {"sales": "http://user:a-password@db:x/"}}, "which is no URI"),
    "no JSON": ({"connections": {"sales": "{'conn_type': 'http'}"}}, "which is no JSON"),
    "no type in JSON": ({"connections": {"sales": '{"host": "db"}'}}, "which has no conn_type"),
    "an unknown field": ({"connections": {"sales": '{"conn_type": "http", "user": "a-password"}'}}, "which has user;"),
    "a team's name": ({"connections": {"team--sales": SALES}}, "has the name 'team--sales'"),
    "a slash": ({"variables": {"a/b": "c"}}, "has the name 'a/b'"),
    "an empty variable": ({"variables": {"a": ""}}, "has a with 0 bytes"),
    "a template": ({"variables": {"a": "{{ds}}"}}, "{{…}} in it"),
    "a relative prefix": ({"secrets_backend_prefix": "team"}, "is 'team'; give one such as /team/airflow"),
    "AWS's own prefix": ({"secrets_backend_prefix": "/aws/airflow"}, "is '/aws/airflow'"),
    "a slash at the end": ({"secrets_backend_prefix": "/team/"}, "is '/team/'"),
    "a long prefix": (
        {"secrets_backend_prefix": f"/{'p' * 200}"},
        "has 201 characters; use at most 200",
    ),
    "the variable itself": (
        {"variables": {"a": "b"}, "environment": {"AIRFLOW__SECRETS__BACKEND": "mine"}},
        "set connections, variables or secrets_backend_prefix",
    ),
}


@pytest.mark.parametrize(("args", "words"), REFUSED.values(), ids=REFUSED)
def test_what_airflow_could_not_read_is_refused_and_no_value_is_shown(args: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidArgumentsError) as refused:
        validate("airflow", AirflowFargateArgs(**args))

    assert words in str(refused.value)
    assert "a-password" not in str(refused.value)


def test_the_longest_prefix_leaves_room_for_the_longest_name_and_its_arn() -> None:
    prefix, name = f"/{'p' * 199}", "n" * 200
    arn = "arn:aws-us-gov:ssm:us-gov-west-1:123456789012:parameter"

    validate("airflow", AirflowFargateArgs(secrets_backend_prefix=prefix, connections={name: SALES}))

    assert len(f"{arn}{prefix}/connections/{name}") <= 1011


def test_a_backend_of_the_callers_own_is_theirs_while_none_is_given_here(deploy: Deploy) -> None:
    own = {"AIRFLOW__SECRETS__BACKEND": "company.secrets.Backend"}

    assert environment(deploy(environment=own)).items() >= own.items()


def test_a_value_that_is_known_late_is_refused_then(deploy: Deploy) -> None:
    with pytest.raises(InvalidArgumentsError, match="a URI without a type"):
        deploy(connections={"sales": pulumi.Output.from_input("db.example.com/sales")})

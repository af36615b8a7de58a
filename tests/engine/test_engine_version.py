"""A program that embeds the component, run by an engine that is too old for it."""

from local.testing.deployed import PROGRAM, Deployed

NEEDS_MORE = f"""
import airflow_fargate.engine

airflow_fargate.engine.PULUMI_VERSIONS = ">=999.0.0"
{PROGRAM}"""


def test_it_is_refused_with_the_version_that_is_needed(stack: Deployed) -> None:
    stack.configure(NEEDS_MORE)

    text = stack.workspace.preview(fails=True)

    assert "airflow-fargate needs Pulumi >=999.0.0: " in text
    assert "https://www.pulumi.com/docs/install/" in text
    assert "Traceback" not in text

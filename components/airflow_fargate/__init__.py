"""Apache Airflow in one container on AWS Fargate, as a Pulumi component."""

from .arguments import AirflowFargateArgs
from .component import OUTPUTS, AirflowFargate
from .errors import InvalidArgumentsError

__all__ = ["OUTPUTS", "AirflowFargate", "AirflowFargateArgs", "InvalidArgumentsError"]

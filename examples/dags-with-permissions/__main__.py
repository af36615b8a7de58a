"""Airflow whose DAGs may read one bucket and write another."""

import pulumi
import pulumi_aws as aws
from airflow_fargate import AirflowFargate

incoming = aws.s3.Bucket("incoming", force_destroy=True)
reports = aws.s3.Bucket("reports", force_destroy=True)

may_read = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": incoming.arn},
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": pulumi.Output.concat(incoming.arn, "/*")},
    ],
}
airflow = AirflowFargate(
    "airflow",
    {
        "allowed_cidrs": pulumi.Config().require_object("allowedCidrs"),
        "dags_path": "dags",
        "environment": {"INCOMING_BUCKET": incoming.bucket, "REPORTS_BUCKET": reports.bucket},
        "task_role_policy": pulumi.Output.json_dumps(may_read),
    },
)

may_write = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:PutObject", "Resource": pulumi.Output.concat(reports.arn, "/*")}],
}
aws.iam.RolePolicy("may-write", role=airflow.task_role_name, policy=pulumi.Output.json_dumps(may_write))

pulumi.export("url", airflow.url)
pulumi.export("admin_password", airflow.admin_password)
pulumi.export("task_role_arn", airflow.task_role_arn)
pulumi.export("incoming", incoming.bucket)
pulumi.export("reports", reports.bucket)

module airflow-go

go 1.25

require (
	github.com/airflow-on-fargate/airflow-fargate/sdk/go v0.0.0
	github.com/pulumi/pulumi/sdk/v3 v3.259.0
)

replace github.com/airflow-on-fargate/airflow-fargate/sdk/go => ./sdks/airflow-on-fargate-airflow-fargate

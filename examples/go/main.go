package main

import (
	"github.com/airflow-on-fargate/airflow-fargate/sdk/go/airflowfargate"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"
)

func main() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		var allowed []string
		config.RequireObject(ctx, "allowedCidrs", &allowed)

		airflow, err := airflowfargate.NewAirflowFargate(ctx, "airflow", &airflowfargate.AirflowFargateArgs{
			AllowedCidrs: allowed,
			Environment:  pulumi.StringMap{"AIRFLOW__CORE__PARALLELISM": pulumi.String("2")},
		})
		if err != nil {
			return err
		}
		ctx.Export("url", airflow.Url)
		ctx.Export("adminPassword", airflow.AdminPassword)
		return nil
	})
}

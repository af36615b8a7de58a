import * as pulumi from "@pulumi/pulumi";
import { AirflowFargate } from "@airflow-on-fargate/airflow-fargate";

const airflow = new AirflowFargate("airflow", {
  allowedCidrs: new pulumi.Config().requireObject<string[]>("allowedCidrs"),
  environment: { AIRFLOW__CORE__PARALLELISM: "2" },
});

export const url = airflow.url;
export const adminPassword = airflow.adminPassword;

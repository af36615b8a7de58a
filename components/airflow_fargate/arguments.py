"""The arguments of `AirflowFargate`.

One flat `TypedDict` serves Python programs and, through the schema that Pulumi infers from it, every other Pulumi
language. The schema analyzer reads these annotations at run time, so they stay within what it understands:
no postponed annotations, literals, unions, enums or nested objects. What decides which resources exist is plain;
everything else may be an output of another resource.
"""

from collections.abc import Sequence
from typing import NotRequired, TypedDict

import pulumi


class AirflowFargateArgs(TypedDict):
    """The arguments of `AirflowFargate`. Every one is optional."""

    image: NotRequired[pulumi.Input[str]]
    """
    The container image. Default: `apache/airflow:3.3.2`. An image of your own is built `FROM apache/airflow:3…`,
    so that Python, Airflow 3 and the entrypoint are where the start command expects them. An image in a private ECR
    repository of any account may be used: the execution role is allowed to pull exactly that repository, and, in your
    own account, to let a pull-through cache fill it. Refused: a malformed name, an official image whose tag is that of
    an earlier Airflow, or begins with `slim-` where snapshots, logs, DAGs or databases need providers that it lacks, a
    registry at a port that is not in `egress_ports`, and ECR's dual-stack names or ECR with a port, at which ECS does
    not log in.
    """

    registry_credentials_arn: NotRequired[pulumi.Input[str]]
    """
    The ARN of a secret in AWS Secrets Manager with the user name and password of a private registry other than Amazon
    ECR, as JSON: `{"username": "…", "password": "…"}`. Default: none. The execution role may then read that one secret.
    If it is encrypted with a KMS key of your own, the key's policy must let the role decrypt with it. Refused: what is
    no such ARN, and any with an image in Amazon ECR.
    """

    legacy_image: NotRequired[bool]
    """
    Whether the image is the Airflow 1.10 image `puckel/docker-airflow` or built from it. It is started with the
    command `webserver`, its health is the web server's pid file, and it has no login at all: it is refused for any
    address range wider than /24. Default: true when `image` is a plain `puckel/docker-airflow` name, else false.
    """

    command: NotRequired[list[str]]
    """
    The command that the image's entrypoint runs instead of ours. Default: the supervisor, which starts all of
    Airflow's components and ends the container when one of them dies; `webserver` with the legacy image. The health
    check stays the same. The login is prepared first, so that `admin_password` logs in: in the official image, and in
    every other one whose `image_entrypoint` is given. Without that the command must prepare it, with the password in
    `ADMIN_PASSWORD` (docs/images.md), and a warning says so. Refused: an empty list.
    """

    image_entrypoint: NotRequired[list[str]]
    """
    The ENTRYPOINT of an image other than the official one, where `command` is given: ECS then starts a program that
    prepares the login and becomes this entrypoint with the command. The image must have `python`. For an image without
    one give `["env"]`. Default: unknown. Refused: without `command`, with an auth manager of your own, and with the
    legacy image.
    """

    port: NotRequired[int]
    """
    The TCP port of the web interface and the REST API. Default: 8080. Refused: below 1024 (the image does not run as
    root) and above 65535.
    """

    cpu: NotRequired[int]
    """
    CPU units of the task, 1024 to a vCPU. Default: 512. Refused: what Fargate does not offer; each size has its own
    range of `memory` (AWS: "Fargate task CPU and memory").
    """

    memory: NotRequired[int]
    """
    Memory of the task in MiB. Default: 2048. Refused: what Fargate does not offer with this `cpu`, and less than
    Airflow needs: 1024, or 512 with the legacy image.
    """

    cpu_architecture: NotRequired[str]
    """
    `X86_64` (default) or `ARM64`, which costs a fifth less. The official image has both; an image of your own must be
    built for the one that you name. Refused: anything else, and `ARM64` with the legacy image.
    """

    ephemeral_storage_gib: NotRequired[int]
    """
    Disk of the task in GiB; Airflow's database and the files of tasks are on it. Default: 20, which is included in the
    price of the task; more costs by the GiB. Refused: below 20 and above 200 (Fargate's limits).
    """

    spot: NotRequired[bool]
    """
    Whether to run on Fargate Spot, cheaper by half or more. Default: false. AWS may stop a Spot task with two minutes'
    notice: the database is saved in that time and restored in the next task, in which what was running is run again;
    while Spot has no capacity, there is no Airflow. Without snapshots (`database_snapshot_seconds` 0, or a `command` of
    your own) its runs, users and connections are gone with it.
    """

    allowed_cidrs: NotRequired[list[str]]
    """
    The address ranges that may open the web interface, IPv4 or IPv6, such as `203.0.113.7/32`. Default: none, so that
    nobody can. An address without a prefix is that address alone. Refused: a malformed range, one with host bits set or
    an IPv6 zone, an IPv6 range without a VPC of yours (the one that is made has no IPv6), the same range twice, more
    than 60 of a family (AWS: rules of a security group), one or two fewer with executors that run tasks in other
    containers, and one wider than /8 (IPv4) or /16 (IPv6) unless `allow_public_access` is true; with the legacy image
    anything wider than /24 or /64, always.
    """

    allow_public_access: NotRequired[bool]
    """
    Whether `allowed_cidrs` may contain `0.0.0.0/0`, `::/0` or another range so wide that it means anybody.
    Default: false. The login is then all that protects Airflow, over plain HTTP.
    """

    egress_ports: NotRequired[list[int]]
    """
    TCP ports that Airflow and its tasks may reach anywhere, besides HTTPS (443) and DNS (53), such as 5432 for a
    PostgreSQL database or 22 for SFTP. Default: none. Refused: below 1 and above 65535, 443 and 53, repeats, and more
    than 57 (AWS: a security group has 60 rules), up to three fewer with an RDS instance and such executors.
    """

    enable_exec: NotRequired[bool]
    """
    Whether ECS Exec may open a shell in the container and forward its ports, through AWS Systems Manager and without
    an open port. Default: false. The task role then has the four `ssmmessages` actions that this takes, and whoever
    may call `ecs:ExecuteCommand` or `ssm:StartSession` on the task acts as Airflow.
    """

    executors: NotRequired[list[str]]
    """
    Airflow's executors, by its own names; the first is the default of tasks, and a DAG or a task chooses another with
    `executor="AwsEcsExecutor"`. `LocalExecutor` runs tasks in the container. `AwsEcsExecutor` makes each task a Fargate
    task of its own, which is paid by the second and goes on while Airflow is restarted. `CeleryExecutor` runs tasks on
    workers that wait for them, with a broker on ElastiCache between (docs/growing.md). Default: `["LocalExecutor"]`.
    Refused: others, none, one named twice, and with any but `LocalExecutor` a `command`, the legacy image, and
    `database_snapshot_seconds` 0, with which the logs of such tasks would be kept nowhere; with `CeleryExecutor` a
    database in the container.
    """

    remote_task_cpu: NotRequired[int]
    """
    CPU units of a task that `AwsEcsExecutor` starts, 1024 being one vCPU. A task of Airflow can have another size with
    `executor_config={"overrides": {"cpu": "4096", "memory": "16384"}}`; one that Fargate does not have is an import
    error of the DAG. Default: 512. Refused: what Fargate does not have, and any without `AwsEcsExecutor`.
    """

    remote_task_memory: NotRequired[int]
    """
    Memory in MiB of a task that `AwsEcsExecutor` starts; 231 are taken by Airflow itself. Default: 1024. Refused: what
    Fargate does not have with `remote_task_cpu`, and any without `AwsEcsExecutor`.
    """

    remote_task_spot: NotRequired[bool]
    """
    Whether tasks that `AwsEcsExecutor` starts run on Fargate Spot, at about half the price. One that AWS interrupts has
    failed, and is run again if it has `retries`. Default: false. Refused: true without `AwsEcsExecutor`.
    """

    remote_task_secrets: NotRequired[list[str]]
    """
    The names of those `secrets` that workers of `CeleryExecutor` get, and tasks that `AwsEcsExecutor` starts. They have
    all of `environment`, and ask Airflow for its connections and variables. Default: none. Refused: what is not in
    `secrets`, and any without one of these executors.
    """

    worker_cpu: NotRequired[int]
    """
    CPU units of a worker of `CeleryExecutor`, 1024 being one vCPU. Default: 512. Refused: what Fargate does not have,
    and any without `CeleryExecutor`.
    """

    worker_memory: NotRequired[int]
    """
    Memory in MiB of a worker, for all tasks that it runs at once; 475 are taken by four that do nothing. Default: 2048.
    Refused: what Fargate does not have with `worker_cpu`, less than 1024, and any without `CeleryExecutor`.
    """

    worker_concurrency: NotRequired[int]
    """
    How many tasks a worker runs at once. Airflow itself starts as many as all workers have room for, unless
    `AIRFLOW__CORE__PARALLELISM` says otherwise. Default: 4. Refused: below 1, and any without `CeleryExecutor`.
    """

    worker_count_min: NotRequired[int]
    """
    How many workers there are at least, each paid as long as it is there. Default: 1. Refused: below 1, or below 0 with
    `worker_count_max`, and any without `CeleryExecutor`.
    """

    worker_count_max: NotRequired[int]
    """
    How many workers there are at most: they are started when tasks wait, and stopped when nothing needs them, which
    takes minutes (docs/growing.md). Default: 0, with which there are always `worker_count_min`. Refused: any other
    number below `worker_count_min`, and any without `CeleryExecutor`.
    """

    worker_spot: NotRequired[bool]
    """
    Whether workers run on Fargate Spot, at about half the price. One that AWS interrupts has two minutes to end its
    tasks; what is left fails, and is run again if it has `retries`. Default: false. Refused: true without
    `CeleryExecutor`.
    """

    drain_minutes: NotRequired[int]
    """
    How many minutes an update that starts a new task waits, at most, until no task of Airflow runs. All DAGs are
    paused meanwhile, and go on afterwards if the database is still the same, and whenever the update fails. `pulumi up`
    shows what runs; it asks Airflow's REST API, and must be able to reach it. Default: 0, which does not wait. Nothing
    is waited for when the service is deleted or replaced. Refused: below 0, above 1440 (a day), with `allowed_cidrs`
    that admit nobody, with the legacy image, and with an auth manager of your own.
    """

    vpc_id: NotRequired[pulumi.Input[str]]
    """
    The id of an existing VPC to run in, together with `subnet_ids`. Default: a VPC of its own with two public subnets
    in the first two availability zones that have Fargate, where they stay, and no NAT gateway. Refused: one of the two
    without the other.
    """

    subnet_ids: NotRequired[pulumi.Input[Sequence[pulumi.Input[str]]]]
    """
    The ids of existing public subnets of `vpc_id`: each in an availability zone that has Fargate, and with a route to
    an internet gateway, since the task has a public address and pulls its image over it. Default: those of the VPC that
    is made. Refused: an empty list, a repeated id, more than 16, a zone without Fargate, and `vpc_id` missing.
    """

    permissions_boundary_arn: NotRequired[pulumi.Input[str]]
    """
    The ARN of the IAM policy that bounds what the execution role and the task role may do, whatever their own policies
    allow: many companies let nobody create a role without one. Default: none. Refused: what is no ARN of a policy.
    """

    task_role_policy_arns: NotRequired[list[str]]
    """
    The ARNs of managed policies, AWS's or your own, whose permissions DAGs have in AWS. Default: none. A policy whose
    ARN is not known beforehand is attached to the role `task_role_name`. Refused: what is no ARN of a policy, one that
    is there twice, more than 20 (AWS: quotas of IAM), and AWS's `AdministratorAccess` without `allow_admin_task_role`.
    More than 10 need the account's quota `Managed policies per role` raised; a warning says so.
    """

    task_role_policy: NotRequired[pulumi.Input[str]]
    """
    A policy document, as JSON, whose permissions DAGs have in AWS: `{"Version": "2012-10-17", "Statement": […]}`.
    Default: none. Refused: what IAM does not take as a policy of a role, more than 10,240 characters without blanks
    (AWS: quotas of IAM), and a statement that allows `*` on `*` without `allow_admin_task_role`.
    """

    allow_admin_task_role: NotRequired[bool]
    """
    Whether DAGs may be allowed everything, by `*` on `*` in `task_role_policy` or by AWS's `AdministratorAccess`.
    Default: false. Whoever may change a DAG then has the whole account.
    """

    admin_username: NotRequired[str]
    """
    The name of the administrator. Default: `admin`. Refused: empty, blanks, `:` and `,` (they separate users in
    Airflow's `simple_auth_manager_users`), `$` and a `~` in front (Airflow puts in variables and home folders), and any
    name with the legacy image, which has no login, or with an auth manager of your own, which has users of its own.
    """

    admin_password: NotRequired[pulumi.Input[str]]
    """
    The administrator's password. Default: 24 random characters. Kept as an SSM SecureString parameter either way.
    Refused: fewer than 12 characters, more than 4 KiB or `{{…}}` in it (AWS: SSM parameters), and any password with the
    legacy image, or with an auth manager of your own.
    """

    users: NotRequired[dict[str, str]]
    """
    Other users than the administrator, role by name: `admin`, `op`, `user` or `viewer`, the roles of Airflow's simple
    auth manager. Each has a generated password, in the output `user_passwords`. One that is taken out can do nothing
    from the next task on; what the others have stays. Default: none. Refused: other roles, the administrator's name,
    names that differ in case only, what is refused as `admin_username`, so many that their passwords have more than
    4 KiB (AWS: SSM parameters), and any with the legacy image, or with an auth manager of your own.
    """

    connections: NotRequired[dict[str, pulumi.Input[str]]]
    """
    Airflow's connections: a URI, or JSON with `conn_type`, by name. Each is an SSM SecureString parameter, which
    Airflow reads when a task asks for it (its `SystemsManagerParameterStoreBackend`): a changed value is there in the
    next task run, and the ECS task stays. It takes precedence over a connection of the same name that was made in the
    web interface. Of names that end with `_default`, Airflow looks up here only those that are given. Default: none.
    Refused: a URI without a type, JSON without `conn_type`, names with other characters than letters, digits, dots,
    underscores and single hyphens, more than 4 KiB or `{{…}}` in a value (AWS: SSM parameters), and any with the legacy
    image.
    """

    variables: NotRequired[dict[str, pulumi.Input[str]]]
    """
    Airflow's variables, text by name, kept and read like `connections`. Default: none. Refused: what is refused of
    names and sizes there.
    """

    secrets_backend_prefix: NotRequired[str]
    """
    Where Airflow looks for connections and variables in Parameter Store: below `<prefix>/connections` and
    `<prefix>/variables`, which others may fill. The task role may read what is there. Default: `/airflow/` and the
    name of the cluster, once there are `connections` or `variables`. Refused: one that does not begin with `/`, or that
    begins with `/aws` or `/ssm` (AWS), one of more than 200 characters, and any with the legacy image.
    """

    database: NotRequired[str]
    """
    Where Airflow's database is: `sqlite` (default), in the container, or `postgres`, an RDS instance of the stack,
    which outlives every task, and lets an update start the next task before it stops the last. Runs, users and
    connections do not move from one to the other; on the way back to `sqlite`, `keep_postgres` keeps the instance.
    Refused: anything else, and with `database_url`; `postgres` with a name of the component that has more than
    lower-case letters, digits and single hyphens, with a single subnet, and with the legacy image.
    """

    database_instance_class: NotRequired[str]
    """
    The class of the RDS instance. Default: `db.t4g.micro`, which has 1 GiB of memory. A change interrupts Airflow for
    minutes. Refused: what is no name of a class, and any without `database: postgres` or `keep_postgres`.
    """

    database_storage_gib: NotRequired[int]
    """
    Storage of the RDS instance in GiB (gp3, encrypted). Default: 20. It grows by itself when it is almost full, up to
    five times this value, and never shrinks; AWS accepts an increase of a tenth or more. Refused: below 20 and above
    65536, and any without `database: postgres` or `keep_postgres`.
    """

    database_multi_az: NotRequired[bool]
    """
    Whether RDS keeps a standby in a second availability zone, for twice the price. Default: false. Refused: true
    without `database: postgres` or `keep_postgres`.
    """

    database_backup_days: NotRequired[int]
    """
    How many days RDS keeps its daily backups, from which it can restore any moment. Default: 7; 0: none. They are
    deleted with the instance. Refused: below 0 and above 35, and any without `database: postgres` or `keep_postgres`.
    """

    database_version: NotRequired[str]
    """
    The major version of PostgreSQL, `14` to `18`; RDS installs minor versions by itself. Default: `17`. A higher one
    upgrades the instance in place, which takes minutes; there is no way back. Refused: what Airflow does not support,
    and any without `database: postgres` or `keep_postgres`.
    """

    keep_postgres: NotRequired[bool]
    """
    Whether the stack has its RDS instance, with all that is in it and at its price, while Airflow uses another
    database. Default: false: the instance is deleted when `database` is no longer `postgres`. Refused: true with what
    `database: postgres` is refused with.
    """

    database_snapshot_seconds: NotRequired[int]
    """
    The time in seconds from one snapshot of Airflow's database to the next. Default: 300. A task that ends saves the
    database, and the next restores it; what is lost when a task ends without notice is at most this time and the
    seconds that a snapshot takes, and with `keep_runs_days`, once a day, up to ten minutes more. The snapshots are in a
    bucket of the stack, where the logs of Airflow's tasks go too, whatever the database is, unless you set
    `AIRFLOW__LOGGING__REMOTE_…` variables. 0: no snapshots and no bucket; a database in the container and the logs then
    end with the task. Refused: 1 to 29, any but the default and 0 with a database elsewhere, and any but the default
    with a `command` of your own. With the legacy image, and with a `command`, there are no snapshots.
    """

    keep_runs_days: NotRequired[int]
    """
    The age in days from which runs are deleted, with their task instances, XComs and log entries, once a day
    (`airflow db clean`). Default: 0, which keeps all: the database then grows by about 2 KB a task. Refused: below 0,
    and with a `command` of your own.
    """

    retain_data: NotRequired[bool]
    """
    Whether the bucket with snapshots and logs, a last snapshot of the RDS instance, and the parameter with the Fernet
    key are kept when the stack is destroyed, or when a change takes the bucket or the instance away. Default: false:
    nothing is left. It takes effect only after a `pulumi up` with it. Refused: true with neither a bucket nor an RDS
    instance.
    """

    restore_from: NotRequired[str]
    """
    What a new database begins with, of what `retain_data` has left of a destroyed stack. With `database: postgres`: the
    name, or the ARN, of a snapshot that a new RDS instance starts from; it has no effect on an existing one. Otherwise:
    the name of a bucket; a stack without a snapshot of its own starts from the newest in it, and only reads it.
    Default: none. Needs `fernet_key`, with which the passwords in it are encrypted. Refused: what is no name of a
    snapshot or a bucket, and any with `database_url`, or without snapshots of a database in the container; for a new
    instance, a snapshot with more storage than `database_storage_gib` or of another version than `database_version`.
    """

    fernet_key: NotRequired[pulumi.Input[str]]
    """
    The key that Airflow encrypts passwords of connections and variables with: 32 bytes in URL-safe base64. Default: a
    generated one. With another key, the passwords in the database cannot be read. To change the key, give the new one
    and the old one with a comma between them: Airflow encrypts with the first, and reads with any of them. Kept as an
    SSM SecureString parameter either way. Refused: any other text, and a list of more than 4 KiB (AWS: SSM parameters).
    """

    database_url: NotRequired[pulumi.Input[str]]
    """
    The URL of a PostgreSQL database of your own, `postgresql://user:password@host:5432/database`, perhaps with
    `?sslmode=require`; a secret, kept as SSM SecureString parameters. The database exists and is empty, or Airflow's.
    Default: none. Refused: other schemes, parameters other than `sslmode`, a port that is not in `egress_ports`, with
    `database`, and with the legacy image.
    """

    environment: NotRequired[dict[str, pulumi.Input[str]]]
    """
    Environment variables of the container by name, for instance `AIRFLOW__CORE__PARALLELISM`. They are readable in the
    task definition; what is secret belongs in `secrets`. Default: none. With `AIRFLOW__API__BASE_URL`, `url` has its
    path; with a proxy, `NO_PROXY` gets what is in the task itself. `AIRFLOW__CORE__AUTH_MANAGER` names an auth manager
    of your own image: the component then sets nothing of the login, and has none in its outputs. With keys of AWS
    (`AWS_ACCESS_KEY_ID` and the like), here or in `secrets`, DAGs act by them, and the logs of tasks end with the
    container. Refused: a name that the component sets itself, in any of Airflow's spellings, a malformed name, one that
    is in `secrets` too, more than a task definition holds (AWS: 64 KiB), another address or TLS for the API server, a
    proxy at a port that is not in `egress_ports`, and keys of AWS with `connections`, `variables`,
    `secrets_backend_prefix`, `AwsEcsExecutor` or `CeleryExecutor`, for which Airflow asks AWS by its role.
    """

    secrets: NotRequired[dict[str, pulumi.Input[str]]]
    """
    Secret environment variables of the container, value by name. Each value is kept as an SSM SecureString parameter
    and handed over by the task definition's `secrets`. Default: none. Refused: as for `environment`, a value over
    4 KiB or with `{{…}}` in it, which SSM parameters cannot hold, and more than IAM lets one role read, about 80.
    """

    dags_path: NotRequired[str]
    """
    A folder with DAG files, absolute or relative to where the program runs. It is put into a private bucket of the
    stack, and Airflow reads it from there: a changed file is uploaded alone, and seen within `dags_refresh_seconds`
    without a restart. Hidden files, `__pycache__` and what `.dagsignore` excludes stay out; `.airflowignore` and what
    it excludes are put there too, and Airflow looks for no DAGs in it. Default: none. Refused: a missing or empty
    folder, a `.py` file that does not compile (it is not run) unless `.airflowignore` excludes it, a link that leaves
    the folder, a file over 50 MB, more than 1,000 files, and any folder with the legacy image, which predates DAG
    bundles.
    """

    dags_refresh_seconds: NotRequired[int]
    """
    How often, in seconds, Airflow looks for changed DAGs in the bucket and in the Git repository. Default: 30. Refused:
    below 5, which is how often Airflow checks whether it is time.
    """

    plugins_path: NotRequired[str]
    """
    A folder with Airflow plugins, absolute or relative to where the program runs, put into the same bucket and from
    there into Airflow's `plugins_folder` before Airflow starts. Airflow reads plugins when it starts: a changed file is
    a new task. Default: none. Refused: as for `dags_path`, and any with `command`, which runs without it.
    """

    dags_git_url: NotRequired[str]
    """
    A Git repository with DAG files, `https://…` or `http://…`; beside `dags_path` it is a second source. Airflow clones
    it and follows `dags_git_ref`. Default: none. Refused: other schemes, a user name or password in the URL, an
    address of a folder or file in the repository's web interface, a port other than 443 that is not in `egress_ports`,
    and the legacy image, which predates DAG bundles.
    """

    dags_git_ref: NotRequired[str]
    """
    The branch, tag or commit of the repository. Default: `main`. Refused: what Git does not allow as a name, `$`
    (Airflow puts in variables), and a ref without `dags_git_url`.
    """

    dags_git_subdir: NotRequired[str]
    """
    The folder of the repository with the DAG files, relative to its root. Default: the root. Refused: an absolute path,
    one with `..` or `$` in it, and a folder without `dags_git_url`.
    """

    dags_git_token: NotRequired[pulumi.Input[str]]
    """
    An access token for a private repository, sent as the password of `dags_git_username`. Kept as an SSM SecureString
    parameter. Default: none. Refused: an empty one, one that an SSM parameter cannot hold (see `secrets`), one without
    `dags_git_url`, and any with an `http://` URL, which would send it in the clear.
    """

    dags_git_username: NotRequired[str]
    """
    The user that the token belongs to, where the server wants one: `x-token-auth` for Bitbucket's access tokens, the
    name of a GitLab deploy token. Default: `user`, which GitHub, GitLab and Gitea accept with personal access tokens.
    Refused: blanks and `:`, and a name without `dags_git_token`.
    """

    load_examples: NotRequired[bool]
    """Whether to load the example DAGs that Airflow brings. Default: false. Refused: true with the legacy image."""

    pip_requirements: NotRequired[list[str]]
    """
    Python packages for DAGs, such as `pandas==2.3.*`, that the official image's entrypoint installs whenever the
    container starts: for trying things out. An image of your own (`image`) starts faster, and always with the same
    packages. Default: none. Refused: what is no requirement of a package by name and version (PEP 508), a URL, an
    environment marker, a package named twice, `apache-airflow` itself, and any with the legacy image.
    """

    requirements_path: NotRequired[str]
    """
    A file of requirements (PEP 508, as for pip), absolute or relative to where the program runs, in place of
    `pip_requirements`. uv resolves it against the constraints of the image's Airflow, and writes the result to a lock
    file beside it, `pylock.<name>-cp313-x86_64.toml` for instance, one for each Python and processor, to be committed.
    The wheels that the image lacks are put into the stack's bucket, and installed from there before Airflow starts: a
    start depends on no index, and an unchanged lock is no new task. Default: none. Refused: what uv cannot resolve, in
    its words; packages that exist only as source; other files (`-r`, `-c`), folders and version control; lines with
    `--hash`; over 500 MB of wheels; `pip_requirements` beside it, and any with `command`, which runs without them.
    """

    constraints_path: NotRequired[str]
    """
    A file with the constraints for `requirements_path`, or its URL: for an image of your own, or a machine that does
    not reach `raw.githubusercontent.com`. Its lines `apache-airflow==…` and `# Python …` say what runs in an image
    whose tag does not. Default: what Airflow publishes for its version and Python. Refused: any without
    `requirements_path`.
    """

    log_retention_days: NotRequired[int]
    """
    How many days CloudWatch keeps the container's log. Default: 30. Refused: numbers that CloudWatch does not have
    (it has 1, 3, 5, 7, 14, 30, 60, 90, …).
    """

    tags: NotRequired[dict[str, pulumi.Input[str]]]
    """
    Tags of every resource that can be tagged, and of the tasks. Default: none. Refused: more than 50, the two that
    awsx gives to a VPC of its own included; names over 128 or values over 256 characters; characters other than
    letters, digits, blanks and `_.:/=+-@`; names that begin with `aws:`, and names that differ in case only (AWS's
    limits); with an RDS instance, names that begin with `rds:`, and values that begin with either.
    """

"""The Fargate agent: runs the tasks of services as processes of this machine."""

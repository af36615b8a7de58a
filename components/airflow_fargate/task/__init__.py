"""The task: its container, how its health is told, and the cluster and service that run it."""

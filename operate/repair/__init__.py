"""Brings the state of a stack whose `pulumi` was killed in step with AWS: `make repair STACK=…`, docs/repair.md."""

"""Shared by tests, benchmarks and the release check: a separate cloud, a project on it, a deployed stack."""

"""What tests, benchmarks and the release check share: a cloud of their own, a project on it, a deployed stack."""

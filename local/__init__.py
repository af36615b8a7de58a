"""The local cloud behind `make up` and `make test`; see docs/local-cloud.md. The program does not know of it."""

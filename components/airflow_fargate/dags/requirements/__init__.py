"""Packages for DAGs: a file of requirements, resolved by uv, locked, and downloaded as wheels."""

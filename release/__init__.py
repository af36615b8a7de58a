"""Tools for a release, besides the tests."""

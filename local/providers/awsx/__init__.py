"""Stand-in for `pulumi-resource-awsx`."""

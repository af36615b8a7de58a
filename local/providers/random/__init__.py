"""Stand-in for `pulumi-resource-random`."""

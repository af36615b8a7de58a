"""Stand-in for `pulumi-resource-aws`."""

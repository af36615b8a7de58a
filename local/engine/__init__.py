"""The real Pulumi engine: the one on PATH, the one of Pulumi's own installer, or the one built from its Go module."""

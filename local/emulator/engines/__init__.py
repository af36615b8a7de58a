"""Servers of this machine behind AWS's managed services."""

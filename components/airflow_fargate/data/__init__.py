"""What outlives a stack."""

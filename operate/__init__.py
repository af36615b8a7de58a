"""What a person with a stack runs: status and repair. It knows a stack's outputs and AWS, and no local cloud."""

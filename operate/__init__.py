"""The commands for a person with a stack: status and repair. They know its outputs and AWS, and no local cloud."""

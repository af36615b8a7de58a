"""The commands for a person with a stack. They know its outputs and AWS, and no local cloud."""

"""`make acceptance STACK=…`: what a person with an AWS account does before a release, step by step."""

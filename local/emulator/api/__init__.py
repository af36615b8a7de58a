"""AWS's API: moto, and AWS's rules on top of it. It knows the Fargate agent, which does not know it."""

"""AWS on this machine: moto's server, AWS's deletion rules, and an agent that runs Fargate tasks as processes."""

"""What outlives a task: the bucket that holds it, and the program in the container that puts it there."""

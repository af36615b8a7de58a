"""DAGs from a folder, through a bucket, and from a Git repository."""

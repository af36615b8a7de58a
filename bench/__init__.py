"""``make bench``: our container command beside stock ``airflow standalone``, in one run, and what a month costs."""

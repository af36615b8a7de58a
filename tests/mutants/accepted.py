"""The mutants that no test notices, and why that is right."""

from typing import NamedTuple


class Accepted(NamedTuple):
    """Mutations of a module, by their names, and the reason why no test is to notice them."""

    module: str
    mutations: frozenset[str]
    reason: str


ACCEPTED: tuple[Accepted, ...] = (
    Accepted(
        "__main__.py",
        frozenset({"module: without gc.freeze()"}),
        "The same, a second later.",
    ),
    Accepted(
        "configuration.py",
        frozenset({"my_ip: without timeout=10", "my_ip: timeout=10 → 5", "my_ip: 64 → 32"}),
        "How long an answer may take, and be: no test waits for one, and an address is shorter than either.",
    ),
    Accepted(
        "configuration.py",
        frozenset({"_read: readers = without int", "_refuse_unknown_keys: close = without n=1"}),
        "The same: JSON reads whole numbers as well, and only the first of the close names is read.",
    ),
    Accepted(
        "configuration.py",
        frozenset(
            {
                "_refuse_unknown_keys: sorted(CONFIG.get()) → list(CONFIG.get())",
                "_refuse_secrets_in_the_open: sorted(keys) → list(keys)",
            }
        ),
        "Which of several wrong keys is named first.",
    ),
    Accepted(
        "preflight.py",
        frozenset({"preflight: 'region' → 'regionx'"}),
        "The same: the session has been given the region of the configuration, and is asked next.",
    ),
    Accepted(
        "preflight.py",
        frozenset(
            {
                "preflight: '' → 'x'",
                "_refuse_place: '' → 'x'",
                "_refuse_full: '' → 'x'",
                "_to_internet_gateway: '' → 'x'",
                "_to_device: '' → 'x'",
                "_refuse_subnets: '' → 'x'",
            }
        ),
        "A default for the type checker, or for text that is joined: AWS's answers have the field.",
    ),
    Accepted(
        "preflight.py",
        frozenset({"preflight: 1 → 0"}),
        "The same: subnets are in a zone at least.",
    ),
    Accepted(
        "components/__main__.py",
        frozenset({"module: without main()"}),
        "Started by an engine, whose tests are others.",
    ),
    Accepted(
        "components/airflow_fargate/dags/__main__.py",
        frozenset({"main: without type=Path (3)"}),
        "The same: the program to start may be a string as well.",
    ),
    Accepted(
        "components/airflow_fargate/dags/dagbag.py",
        frozenset({"module: without encoding='utf-8'"}),
        "The same where the tests run: UTF-8 is what Python takes there without a word.",
    ),
    Accepted(
        "components/airflow_fargate/dags/parse.py",
        frozenset(
            {
                "parse_folder: without prefix='airflow-fargate-'",
                "parse_folder: prefix='airflow-fargate-' → 'airflow-fargate-x'",
                "parse_folder: 'parsed.json' → 'parsed.jsonx'",
            }
        ),
        "The same: any name will do for what is gone afterwards.",
    ),
    Accepted(
        "components/airflow_fargate/dags/parse.py",
        frozenset(
            {
                "parse_folder: without encoding='utf-8'",
                "read_packages: without encoding='utf-8'",
                "parse_folder: ended = without check=False",
            }
        ),
        "The same where the tests run: Python takes UTF-8 there without a word, and checks nothing.",
    ),
    Accepted(
        "components/airflow_fargate/dags/parse.py",
        frozenset({"describe: strict=True → False", "describe: strict=True → False (2)"}),
        "The same: rows have as many cells as there are columns.",
    ),
    Accepted(
        "components/airflow_fargate/dags/requirements/resolution.py",
        frozenset(
            {
                "resolve: without prefix='airflow-fargate-'",
                "resolve: prefix='airflow-fargate-' → 'airflow-fargate-x'",
            }
        ),
        "The same: any name will do for what is gone afterwards.",
    ),
    Accepted(
        "components/airflow_fargate/dags/requirements/resolution.py",
        frozenset({"_Uv.compile: ended = without check=False"}),
        "The same: Python checks nothing of its own accord.",
    ),
    Accepted(
        "components/airflow_fargate/dags/requirements/pylock.py",
        frozenset({"read_lock: text = without encoding='utf-8'", "write_lock: without encoding='utf-8'"}),
        "The same where the tests run: UTF-8 is what Python takes there without a word.",
    ),
    Accepted(
        "components/airflow_fargate/dags/requirements/resolution.py",
        frozenset({"resolve: without encoding='utf-8'", "_Uv.compile: without encoding='utf-8'"}),
        "The same where the tests run: UTF-8 is what Python takes there without a word.",
    ),
    Accepted(
        "components/airflow_fargate/dags/container/bucket.py",
        frozenset(
            {
                "BucketBundle.__init__: 'etags.json' → 'etags.jsonx'",
                "BucketBundle.path: 'files' → 'filesx'",
            }
        ),
        "The same: any name will do that no other file has.",
    ),
    Accepted(
        "components/airflow_fargate/dags/container/bucket.py",
        frozenset(
            {
                (
                    "BucketBundle._is_new: time.time() - self._copied.stat().st_mtime < 2 * self.refre… → "
                    "time.time() - self._copied.stat().st_mtime <= 2 * self.refr…"
                )
            }
        ),
        "The same: no copy is exactly so old.",
    ),
    Accepted(
        "components/airflow_fargate/dags/container/git.py",
        frozenset({"module: _CONNECT_SECONDS = 5 → 2"}),
        "How long an answer may take: the tests say a time of their own, which they wait for.",
    ),
    Accepted(
        "components/airflow_fargate/dags/container/git.py",
        frozenset({"knock: '' → 'x'"}),
        "A default for the type checker: a URL of HTTP has a host.",
    ),
    Accepted(
        "components/airflow_fargate/dags/container/objects.py",
        frozenset({"s3_client: 2 → 1"}),
        "How often an answer is asked for: no test waits for one.",
    ),
    Accepted(
        "components/airflow_fargate/dags/container/prepare.py",
        frozenset({"module: _ATTEMPTS = 8 → 4"}),
        "How often an answer is asked for: no test waits for one.",
    ),
    Accepted(
        "components/airflow_fargate/dags/container/bucket.py",
        frozenset({"_remembered: '.new' → '.newx'"}),
        "The same: any name will do that no other file has.",
    ),
    Accepted(
        "preflight.py",
        frozenset(
            {
                "module: connect_timeout=5 → 2",
                "module: read_timeout=10 → 5",
                "module: retries=without 'total_max_attempts'",
                "module: total_max_attempts: 2 → 1",
            }
        ),
        "How long an answer may take, and how often it is asked for: no test waits for one.",
    ),
    Accepted(
        "components/airflow_fargate/dags/folder.py",
        frozenset({"module: 20 → 10"}),
        "How many files of a folder are counted before its count is given as so many or more.",
    ),
    Accepted(
        "components/airflow_fargate/dags/folder.py",
        frozenset({"_mistake: without RecursionError"}),
        "Which of the two is raised for what is nested too deeply depends on the version of Python.",
    ),
    Accepted(
        "components/airflow_fargate/dags/folder.py",
        frozenset({"_mistake: dont_inherit=True → False"}),
        "The same as long as the module itself imports nothing from __future__.",
    ),
    Accepted(
        "components/airflow_fargate/dags/folder.py",
        frozenset({"_Walk._ignore_rules: text = without encoding='utf-8'"}),
        "The same where the tests run: UTF-8 is what Python takes there without a word.",
    ),
    Accepted(
        "components/airflow_fargate/firewall.py",
        frozenset(
            {
                (
                    "refuse_firewall: sorted(Counter((network.version for network in settings.all… → "
                    "list(Counter((network.version for network in settings.allow…"
                )
            }
        ),
        "Which version of IP is named first where both have too many ranges.",
    ),
    Accepted(
        "components/airflow_fargate/database/settings.py",
        frozenset(
            {
                (
                    "refuse_database: sorted(settings.given - {'database', 'database_url'}) → "
                    "list(settings.given - {'database', 'database_url'})"
                )
            }
        ),
        "Which of several wrong arguments is named first.",
    ),
    Accepted(
        "components/airflow_fargate/dags/rules.py",
        frozenset({"refuse_dags: sorted(settings.given) → list(settings.given)"}),
        "Which of several wrong arguments is named first.",
    ),
    Accepted(
        "components/airflow_fargate/errors.py",
        frozenset(
            {
                "checked_late.<locals>.checked: without await asyncio.sleep(0.2)",
                "checked_late.<locals>.checked: 0.2 → 0.1",
            }
        ),
        "The engine's server for hooks, which it waits for, is not there without the engine.",
    ),
    Accepted(
        "components/airflow_fargate/settings.py",
        frozenset({"_address_range: '/%' → '/%x'"}),
        "The same: an address with either in it is none.",
    ),
    Accepted(
        "components/airflow_fargate/scope.py",
        frozenset({"module: _TAG_SYMBOLS = '_.:/=+-@' → '_.:/=+-@x'", "_not_in_tags: 'LNZ' → 'LNZx'"}),
        "The same: x is a letter, which AWS takes in tags anyway, and the first of no category's two letters.",
    ),
    Accepted(
        "components/airflow_fargate/login/login.py",
        frozenset({"login_part: without encoding='utf-8'"}),
        "The same where the tests run: UTF-8 is what Python takes there without a word.",
    ),
    Accepted(
        "components/airflow_fargate/task/diagnosis.py",
        frozenset({"_not_placed: '' → 'x'", "_last_log_lines: '' → 'x'"}),
        "A default for the type checker: AWS's answers have the field.",
    ),
    Accepted(
        "components/airflow_fargate/task/running.py",
        frozenset({"log_stream: '' → 'x'", "log_stream: '' → 'x' (2)"}),
        "A default for the type checker: AWS's answers have the field.",
    ),
    Accepted(
        "components/airflow_fargate/task/progress.py",
        frozenset(
            {
                "module: POLL_SECONDS = 5.0 → 2.5",
                "module: connect_timeout=5 → 2",
                "module: read_timeout=5 → 2",
                "module: retries=without 'total_max_attempts'",
                "module: total_max_attempts: 3 → 1",
            }
        ),
        "How long an answer may take, and how often it is asked for: no test waits for one.",
    ),
    Accepted(
        "components/airflow_fargate/task/progress.py",
        frozenset({"_task_words: '' → 'x'", "_id: '' → 'x'"}),
        "A default for the type checker: AWS's answers have the field.",
    ),
    Accepted(
        "components/airflow_fargate/task/supervisor.py",
        frozenset({"module: STOP_SECONDS = 40.0 → 20.0", "module: FAILURE_SECONDS = 10.0 → 5.0"}),
        "How long a process may take to end: the tests say a time of their own, which they wait for.",
    ),
    Accepted(
        "components/airflow_fargate/task/unread.py",
        frozenset({"unread_bundles: '' → 'x'"}),
        "A default for the type checker: AWS's answers have the field.",
    ),
    Accepted(
        "components/airflow_fargate/testing.py",
        frozenset({"Mocks.__init__: without super().__init__()"}),
        "The same: Pulumi's own class has nothing to set up, so far.",
    ),
    Accepted(
        "components/airflow_fargate/testing.py",
        frozenset(
            {
                "module: without 'accepts_byte_string'",
                "module: without 'aliasSpecs'",
                "module: without 'packageRef'",
                "module: without 'parentStackTraceHandle'",
                "module: without 'pluginDownloadURL'",
            }
        ),
        "Sent by some versions of the SDK that the component may be used with, and not by the one of the tests.",
    ),
    Accepted(
        "components/airflow_fargate/task/drain.py",
        frozenset({"module: POLL_SECONDS = 5.0 → 2.5", "module: _RETURN_SECONDS = 180.0 → 90.0"}),
        "How often Airflow is asked, and for how long: no test waits for it.",
    ),
)

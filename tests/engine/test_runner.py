"""The commands themselves: one at a time, clear about what is in the way, and nothing half-done left behind."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Generator
from hashlib import sha256
from pathlib import Path
from textwrap import dedent

import psutil
import pytest
import yaml

from local.bootstrap import check_space
from local.cloud import Cloud
from local.deployment import deploy, destroy
from local.emulator_process import EmulatorProcess
from local.engine.choose import Engine, build, engine
from local.environments import airflow as airflow_environment
from local.environments import venvs
from local.errors import LocalCloudError
from local.lock import lock
from local.paths import ROOT, Home
from local.plugins import write_executable
from local.processes import ProcessRecord
from local.proxies import without_proxy
from local.stack import Stack
from local.testing import languages
from local.testing.deployed import stand_in_image
from local.testing.languages import write_hosts
from local.testing.program import local_config
from local.testing.workspace import Workspace
from operate.waiting import until

OUTPUTS_ONLY = """
    import pulumi
    pulumi.export("token", pulumi.Output.secret("a secret value"))
"""
LOG_GROUP = """
    import pulumi_aws as aws
    aws.cloudwatch.LogGroup("runner", retention_in_days=1)
"""


@pytest.fixture
def stack(pulumi_engine: Engine, free_port: int, tmp_path: Path) -> Generator[Stack]:
    """Return a stack that is not deployed yet, in a cloud that does not run yet."""
    cloud = Cloud(Home(tmp_path / "home"), free_port, pulumi_engine)
    cloud.home.path.mkdir()
    project = tmp_path / "project"
    project.mkdir()
    yield Workspace.make(cloud, project, OUTPUTS_ONLY, {}).stack
    cloud.emulator.stop()


@pytest.fixture
def lock_holder(tmp_path: Path) -> Generator[subprocess.Popen[str]]:
    """Another process that holds the lock `tmp_path/run/lock` for `make up`."""
    code = (
        "import sys, time; from pathlib import Path; from local.lock import lock\n"
        "with lock(Path(sys.argv[1]), 'make up'): print('held', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "run" / "lock")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        yield holder
        holder.kill()


def test_a_second_command_is_told_who_holds_the_lock(tmp_path: Path, lock_holder: subprocess.Popen[str]) -> None:
    with pytest.raises(LocalCloudError, match=rf"make destroy: `make up` \(process {lock_holder.pid}, since"):  # noqa: SIM117 - the lock is what raises
        with lock(tmp_path / "run" / "lock", "make destroy"):
            pass


def test_the_lock_of_a_killed_command_does_not_stand_in_the_way(
    tmp_path: Path, lock_holder: subprocess.Popen[str]
) -> None:
    lock_holder.kill()
    lock_holder.wait()
    with lock(tmp_path / "run" / "lock", "make destroy"):
        assert ProcessRecord.read(tmp_path / "run" / "lock.json") is not None


def test_a_process_id_that_was_given_to_another_process_is_not_taken_for_the_old_one() -> None:
    present = ProcessRecord.of(os.getpid(), ["pytest"])
    assert present.running() is not None
    assert ProcessRecord(present.pid, present.started - 60, present.command).running() is None


def test_a_port_in_use_names_the_process_that_uses_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(LocalCloudError, match=rf"Port {port} .* in use by process {os.getpid()} \("):
            EmulatorProcess(Home(tmp_path), port).start({})


def test_without_pulumi_and_without_go_the_way_out_is_named(tmp_path: Path) -> None:
    with pytest.raises(LocalCloudError, match=r"Install either one: .*pulumi.* or .*go\.dev"):
        build(tmp_path, {"PATH": str(tmp_path)})
    assert list(tmp_path.iterdir()) == []


def test_clones_share_an_engine_and_have_a_language_host_each(tmp_path: Path) -> None:
    cache, clones = tmp_path / "cache", [tmp_path / "one", tmp_path / "other"]
    kept = cache / sha256((ROOT / "local" / "engine" / "go.sum").read_bytes()).hexdigest()[:16] / "bin" / "pulumi"
    write_executable(kept, "echo v3.300.0")

    engines = [engine(cache, clone, {"PATH": "/nowhere"}) for clone in clones]

    assert [found.command for found in engines] == [clone / "3.300.0" / "bin" / "pulumi" for clone in clones]
    assert all(found.command.samefile(kept) for found in engines)
    assert [sorted(file.name for file in found.command.parent.iterdir()) for found in engines] == [
        ["pulumi", "pulumi-language-python"],
        ["pulumi", "pulumi-language-python"],
    ]
    assert [file.name for file in kept.parent.iterdir()] == ["pulumi"]


def test_stand_ins_start_from_folders_with_a_space_in_their_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, image = tmp_path / "my code", tmp_path / "my code" / "image"
    home.mkdir()
    (home / "clone").symlink_to(ROOT)
    (home / "venv").symlink_to(sys.prefix)
    monkeypatch.setattr(languages, "ROOT", home / "clone")
    monkeypatch.setattr(sys, "prefix", str(home / "venv"))
    monkeypatch.setattr(sys, "executable", str(home / "venv" / "bin" / "python"))
    monkeypatch.setenv("AIRFLOW_HOME", str(home))
    write_hosts(home)
    stand_in_image(image)
    (image / "airflow.py").write_text("print('Airflow')")

    def answer(*command: str | Path) -> str:
        return subprocess.run(command, cwd=tmp_path, capture_output=True, check=True, text=True).stdout.strip()

    assert answer(image / "bin" / "python", "-c", "the supervisor") == "Airflow"
    assert answer(image / "bin" / "python", "-c", "print('a command')", "", "--") == "a command"
    assert [answer(image / "bin" / name) for name in ("airflow", "webserver")] == ["Airflow"] * 2
    assert "usage" in answer(home / "pulumi-language-go", "--help")


def test_an_engine_that_was_made_again_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    kept = tmp_path / "cache" / sha256((ROOT / "local" / "engine" / "go.sum").read_bytes()).hexdigest()[:16] / "bin"
    write_executable(kept / "pulumi", "echo v3.300.0")
    write_executable(tmp_path / "clone" / "3.300.0" / "bin" / "pulumi", "exit 1")

    found = engine(tmp_path / "cache", tmp_path / "clone", {"PATH": "/nowhere"})

    assert found.command.samefile(kept / "pulumi")


def test_a_disk_that_would_fill_up_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(LocalCloudError, match=r"has [\d.]+ GiB free, and 953674\.3 GiB are needed"):
        check_space(tmp_path / "not" / "there" / "yet", 1024 * 10**12)
    assert list(tmp_path.iterdir()) == []


def test_a_registry_that_does_not_answer_is_named_and_leaves_no_environment(
    tmp_path: Path, free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    requirements = tmp_path / "requirements.lock"
    requirements.write_text(f"apache-airflow==3.3.2 --hash=sha256:{'0' * 64}\n")
    for name in [name for name in os.environ if name.startswith(("PIP_", "UV_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{free_port}/simple")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    with pytest.raises(LocalCloudError, match=rf"(?s)Installing Airflow 3\.3\.2.*127\.0\.0\.1:{free_port}.*pip config"):
        airflow_environment.environment(requirements, tmp_path / "airflow")
    assert [left.name for left in (tmp_path / "airflow").iterdir()] == ["run"]


def test_an_environment_that_was_interrupted_is_made_again(tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").touch()
    (venv / "half-made").touch()
    assert not venvs.complete(venv, "requirements")

    def fill(python: Path) -> None:
        python.parent.mkdir(parents=True)
        python.touch()

    venvs.make(venv, "requirements", fill)
    assert venvs.complete(venv, "requirements")
    assert not venvs.complete(venv, "other requirements")
    assert not (venv / "half-made").exists()


def test_an_environment_is_known_by_where_it_stands_and_what_it_is_made_from(tmp_path: Path) -> None:
    for file, text in {"one.lock": "airflow", "same.lock": "airflow", "other.lock": "airflow, celery"}.items():
        (tmp_path / file).write_text(text)
    (tmp_path / "link").symlink_to(tmp_path / "folder")

    def known_by(folder: str, file: str) -> str:
        return venvs.fingerprint(tmp_path / folder / "venv", [tmp_path / file], Path(sys.executable))

    assert known_by("link", "same.lock") == known_by("folder", "one.lock")
    assert known_by("moved", "one.lock") != known_by("folder", "one.lock")
    assert known_by("folder", "other.lock") != known_by("folder", "one.lock")


def test_an_environment_is_shared_by_those_that_make_it_from_the_same(tmp_path: Path) -> None:
    for file, text in {"one.lock": "airflow", "same.lock": "airflow", "other.lock": "airflow, celery"}.items():
        (tmp_path / file).write_text(text)

    def place(file: str) -> Path:
        return venvs.place(tmp_path, "3.3.2", [tmp_path / file], Path(sys.executable))

    assert place("one.lock") == place("same.lock")
    assert place("one.lock") != place("other.lock")


@pytest.mark.parametrize(
    ("pip", "uv"),
    [
        ({"PIP_INDEX_URL": "https://user:word@example.com/simple"}, {"UV_DEFAULT_INDEX": "https://user:word@example.com/simple"}),
        ({"PIP_EXTRA_INDEX_URL": "https://a.example https://b.example"}, {"UV_INDEX": "https://a.example https://b.example"}),
        ({"PIP_FIND_LINKS": "/wheels /more"}, {"UV_FIND_LINKS": "/wheels,/more"}),
        ({"PIP_CERT": "/ca.pem"}, {"SSL_CERT_FILE": "/ca.pem"}),
        ({"PIP_DEFAULT_TIMEOUT": "180"}, {"UV_HTTP_TIMEOUT": "180"}),
        ({"PIP_INDEX_URL": "https://pip.example", "UV_DEFAULT_INDEX": "https://uv.example"}, {"UV_DEFAULT_INDEX": "https://uv.example"}),
    ],
)  # fmt: skip
def test_uv_finds_packages_where_pip_is_configured_to(
    pip: dict[str, str], uv: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    for name, value in pip.items():
        monkeypatch.setenv(name, value)
    environment = venvs.uv_environment(Path(sys.executable))
    assert {name: environment[name] for name in uv} == uv


def test_up_deploys_and_a_second_up_changes_nothing(stack: Stack, capfd: pytest.CaptureFixture[str]) -> None:
    committed = stack.project / f"Pulumi.{stack.name}.yaml"
    before = committed.read_text()
    deploy(stack, {})
    assert "+ 1 created" in capfd.readouterr().out
    deploy(stack, {})
    output = capfd.readouterr().out
    assert "1 unchanged" in output
    assert "created" not in output
    assert committed.read_text() == before


def test_secrets_are_encrypted_in_the_state_with_a_passphrase_that_only_its_owner_reads(stack: Stack) -> None:
    deploy(stack, {})
    home = stack.cloud.home
    files = [file for file in home.path.rglob("*") if file.is_file()]
    assert not [file for file in files if b"a secret value" in file.read_bytes()]
    assert stack.outputs()["token"] == "a secret value"
    assert stat.S_IMODE(home.passphrase.stat().st_mode) == 0o600


def test_destroy_leaves_no_resource_no_process_and_no_state(stack: Stack) -> None:
    Workspace(stack).write(LOG_GROUP)
    deploy(stack, {})
    cloud = stack.cloud
    emulator = cloud.emulator.running()
    assert emulator is not None
    destroy(stack)
    assert not emulator.is_running()
    assert not [process for process in psutil.process_iter() if _mentions(process, cloud.home.path)]
    assert not stack.exists()
    destroy(stack)  # with nothing there, there is nothing to do


def test_destroy_names_what_pulumi_has_left_behind(stack: Stack) -> None:
    deploy(stack, {})
    cloud = stack.cloud
    cloud.client("logs").create_log_group(logGroupName="forgotten")
    with pytest.raises(LocalCloudError, match=r"still there: arn:aws:logs:\S+:forgotten"):
        destroy(stack)
    assert cloud.emulator.running() is None


def test_after_a_restart_of_the_machine_up_starts_clean_and_says_so(
    stack: Stack, capfd: pytest.CaptureFixture[str]
) -> None:
    deploy(stack, {})
    emulator = stack.cloud.emulator.running()
    assert emulator is not None
    emulator.kill()
    emulator.wait()
    capfd.readouterr()
    deploy(stack, {})
    captured = capfd.readouterr()
    assert "starting clean" in captured.err
    assert "+ 1 created" in captured.out


def test_an_emulator_that_was_started_with_other_images_is_not_reused(stack: Stack) -> None:
    deploy(stack, {})
    with pytest.raises(LocalCloudError, match="`make destroy` ends it"):
        deploy(stack, {"other:1": Path(sys.prefix)})


def test_up_goes_on_after_a_pulumi_that_was_killed(stack: Stack, capfd: pytest.CaptureFixture[str]) -> None:
    deploy(stack, {})
    (stack.project / "__main__.py").write_text("import time; time.sleep(60)")
    with stack.start("up", "--yes", "--skip-preview") as killed:
        locks = stack.cloud.home.state / ".pulumi" / "locks"
        until(lambda: any(locks.rglob("*.json")), 60, "the lock of the run")
        family = psutil.Process(killed.pid).children(recursive=True)
        killed.kill()
    for process in family:
        process.kill()
    capfd.readouterr()
    (stack.project / "__main__.py").write_text("import pulumi; pulumi.export('after', 'the kill')")
    deploy(stack, {})
    assert f"process {killed.pid}" in capfd.readouterr().err
    assert stack.outputs() == {"after": "the kill"}


def test_up_adopts_what_a_pulumi_that_was_killed_has_created(stack: Stack, capfd: pytest.CaptureFixture[str]) -> None:
    Workspace(stack).write(LOG_GROUP)
    deploy(stack, {})
    cloud = stack.cloud
    made = cloud.left_behind()
    [state] = (cloud.home.state / ".pulumi" / "stacks" / "probe").glob("*.json")
    content = json.loads(state.read_text())
    latest = content["checkpoint"]["latest"]
    *others, log_group = latest["resources"]
    creating = {key: value for key, value in log_group.items() if key not in ("id", "outputs")}
    latest |= {"resources": others, "pending_operations": [{"resource": creating, "type": "creating"}]}
    state.write_text(json.dumps(content))
    capfd.readouterr()

    deploy(stack, {})

    captured = capfd.readouterr()
    assert "runner (aws:cloudwatch/logGroup:LogGroup): adopted runner-" in captured.err
    assert "created" not in captured.out
    assert cloud.left_behind() == made


RUN = """
    import sys
    import time
    from pathlib import Path

    from local.cloud import Cloud
    from local.engine.choose import engine
    from local.paths import Home
    from local.testing.clouds import free_port
    from local.testing.emulated import IMAGE, WEB_SERVER, EmulatedAccount, Emulator

    def test_that_does_not_end(tmp_path):
        cloud = Cloud(Home(tmp_path / "home"), free_port(), engine())
        cloud.start({IMAGE: Path(sys.prefix)})
        for emulator in (cloud.emulator, Emulator(tmp_path / "emulator")):
            account = EmulatedAccount(emulator.endpoint)
            account.create_service(account.register(["python", "-c", WEB_SERVER])).task()
        Path("READY").touch()
        while True:
            time.sleep(0.1)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("options", [["-p", "no:xdist"], ["--numprocesses", "1"]], ids=["alone", "with a worker"])
def test_emulators_and_their_tasks_end_with_the_test_run_that_started_them(
    tmp_path: Path, number: signal.Signals, options: list[str]
) -> None:
    ready = tmp_path / "ready"
    (tmp_path / "test_run.py").write_text(dedent(RUN).replace("READY", str(ready)))
    command = [sys.executable, "-m", "pytest", "-c", ROOT / "pyproject.toml", f"--rootdir={ROOT}", *options]
    with subprocess.Popen([*command, f"--basetemp={tmp_path / 'run'}", tmp_path / "test_run.py"], cwd=ROOT) as run:
        until(lambda: ready.exists() or run.poll() is not None, 60, "both services")
        family = psutil.Process(run.pid).children(recursive=True)
        run.send_signal(number)
    assert sum("serve_forever" in " ".join(process.cmdline()) for process in family if process.is_running()) == 2
    assert psutil.wait_procs(family, timeout=30)[1] == []


@pytest.mark.parametrize("detached", [True, False])
def test_an_emulator_outlives_the_command_that_starts_it_only_if_it_is_detached(
    tmp_path: Path, free_port: int, detached: bool
) -> None:
    code = f"""
        from pathlib import Path
        from local.emulator_process import EmulatorProcess
        from local.paths import Home
        EmulatorProcess(Home(Path({str(tmp_path)!r})), {free_port}, detached={detached}).start({{}})
    """
    subprocess.run([sys.executable, "-c", dedent(code)], cwd=ROOT, check=True)
    emulator = EmulatorProcess(Home(tmp_path), free_port, detached=detached)
    try:
        started = [process] if (process := emulator.running()) else []
        assert bool(psutil.wait_procs(started, timeout=5)[1]) == detached
    finally:
        emulator.stop()


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({}, "localhost,127.0.0.1,::1,127.0.0.0/8"),
        ({"NO_PROXY": ""}, "localhost,127.0.0.1,::1,127.0.0.0/8"),
        ({"NO_PROXY": "a.example", "no_proxy": "b, 127.0.0.1"}, "b,127.0.0.1,a.example,localhost,::1,127.0.0.0/8"),
        ({"no_proxy": "*"}, "*,localhost,127.0.0.1,::1,127.0.0.0/8"),
    ],
)
def test_loopback_is_kept_from_proxies_beside_what_is_already(given: dict[str, str], names: str) -> None:
    assert without_proxy(given) == {"NO_PROXY": names, "no_proxy": names}


PROXIES = ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "grpc_proxy")
SHOWN_BY_UP = """
    import pulumi
    pulumi.export("url", "")
    pulumi.export("admin_username", "")
"""
COMMANDS = """
    import contextlib, io, os, sys
    from pathlib import Path
    from local import __main__ as commands
    from local.paths import Home

    folder, port, command = sys.argv[1:]
    commands.HOME, commands.PORT, commands.ROOT = Home(Path(folder) / "home"), int(port), Path(folder)
    commands.airflow_environment.images = dict
    sys.argv[1:] = [command]
    sys.exit(commands.main())
"""


def test_a_proxy_of_the_environment_is_asked_for_nothing_on_this_machine(
    tmp_path: Path, free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: probe\nruntime: python\n")
    (tmp_path / "__main__.py").write_text(dedent(f"{LOG_GROUP}{SHOWN_BY_UP}"))
    config = local_config(f"http://127.0.0.1:{free_port}")
    (tmp_path / "Pulumi.local.yaml").write_text(yaml.safe_dump({"config": config}))
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in PROXIES:
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    def run(*arguments: str) -> str:
        result = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    command = (sys.executable, "-c", dedent(COMMANDS), str(tmp_path), str(free_port))
    try:
        assert "+ 2 created" in run(*command, "up")
        exports = run(*command, "env")
        run("bash", "-c", f"{exports}\ncd {tmp_path} && pulumi refresh --yes --skip-preview --expect-no-changes")
        run(*command, "destroy")
    finally:
        run(*command, "stop")


def _mentions(process: psutil.Process, folder: Path) -> bool:
    try:
        return any(str(folder) in argument for argument in process.cmdline())
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False

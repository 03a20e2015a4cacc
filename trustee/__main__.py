"""The command `fedcarbon-trustee`."""

from __future__ import annotations

import getpass
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from cyclopts import App

from fedcarbon.errors import FedcarbonError
from fedcarbon.wire import logs
from trustee.bootstrap import assembled
from trustee.config import load_config

STOP_CHECK_S: Final = 0.2

app = App(name="fedcarbon-trustee", help="A trustee of a fedcarbon federation.")


@app.command
def serve(*, config: Path) -> None:
    """Dial the hub and answer its orders until stopped.

    Args:
        config: the trustee's configuration file.
    """
    logs.configure("trustee")
    stop_asked = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop_asked.set())
    with (
        assembled(load_config(config), _ask_passphrase) as trustee,
        ThreadPoolExecutor(max_workers=1) as pool,
    ):
        logs.logger().info("trustee_started", trustee_id=trustee.party.party_id)
        # gRPC must not be closed from a signal handler that interrupted it.
        working = pool.submit(trustee.loop.run)
        while not working.done():
            if stop_asked.wait(STOP_CHECK_S):
                break
        trustee.loop.stop()
        trustee.channel.close()
        working.result()
        logs.logger().info("trustee_stopped", trustee_id=trustee.party.party_id)


def main() -> None:
    """Run the command line; a configuration error is one sentence and exit code 2."""
    try:
        app()
    except FedcarbonError as error:
        sys.stderr.write(f"fedcarbon-trustee: {error}\n")
        sys.exit(2)


def _ask_passphrase() -> str:
    return getpass.getpass("Passphrase of the share file: ")


if __name__ == "__main__":
    main()

"""A Spark Connect server in a process of its own: prints its port, ends when its input does."""

import sys

from pysail.spark import SparkConnectServer


def main() -> None:
    server = SparkConnectServer("127.0.0.1", 0)
    server.start(background=True)
    _, port = server.listening_address
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    # The parent holds the other end of the pipe: however it ends, so does this process.
    sys.stdin.read()
    server.stop()


if __name__ == "__main__":
    main()

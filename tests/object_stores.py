"""A server of object storage for tests, on 127.0.0.1. Run as a program, it is the server."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

KEYS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@contextmanager
def s3_server() -> Iterator[dict[str, str]]:
    """The variables by which clients find a running server and have its keys."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    around = {**os.environ, **KEYS}
    with subprocess.Popen([sys.executable, __file__], text=True, env=around, **pipes) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            port = int(process.stdout.readline())
            yield {**KEYS, "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{port}"}
        finally:
            process.stdin.close()
            process.wait(30)


def client() -> Any:
    """A client that may write."""
    import fsspec

    return fsspec.filesystem("s3", use_listings_cache=False)


def main() -> None:
    """Serves until standard input ends."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    sys.stdout.write(f"{server.get_host_and_port()[1]}\n")
    sys.stdout.flush()
    sys.stdin.read()
    server.stop()


if __name__ == "__main__":
    main()

"""The server of HTTP: waitress, with a bound for everything that one may send."""

import re
import socket
import threading
from collections.abc import Callable
from typing import Any, Final

import waitress
from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.task import WSGITask

from sim.serving.limits import Limits

__all__ = ["Server"]

_NAME: Final = re.compile(rb"^X-Amz-[^:\r\n]+(?=:)", re.MULTILINE)


class _Parser(HTTPRequestParser):  # type: ignore[misc]
    """Asks for a body only where one comes that is wanted: waitress waits for it in any case."""

    def parse_header(self, header_plus: bytes) -> None:
        super().parse_header(header_plus)
        if not self.chunked and not 0 < self.content_length < self.adj.max_request_body_size:
            self.expect_continue = False


class _Task(WSGITask):  # type: ignore[misc]
    """Writes names in small letters as S3 does: clients show those of metadata as they come."""

    def build_response_header(self) -> bytes:
        header: bytes = super().build_response_header()
        return _NAME.sub(lambda name: name[0].lower(), header)


class _Channel(HTTPChannel):  # type: ignore[misc]
    parser_class = _Parser
    task_class = _Task


class Server:
    """Answers requests in threads of its own, from :meth:`start` to :meth:`close`.

    Parameters
    ----------
    app : callable
        Of WSGI.
    host : str
        An address, such as "127.0.0.1".
    port : int
        0 for one that is free.

    Raises
    ------
    OSError
        If nobody can listen there.
    """

    def __init__(self, app: Callable[..., Any], *, host: str, port: int, limits: Limits) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._server = waitress.create_server(
            app,
            sockets=[socket.create_server((host, port), family=family)],
            ident="sim",
            threads=8,
            connection_limit=limits.connections,
            channel_timeout=limits.idle_s,
            max_request_header_size=limits.header_bytes,
            max_request_body_size=limits.body_bytes,
        )
        self._server.channel_class = _Channel
        self._thread = threading.Thread(target=self._server.run, name="sim serve", daemon=True)

    @property
    def url(self) -> str:
        """Where it is."""
        host, port = self._server.effective_host, self._server.effective_port
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def close(self) -> None:
        """Stop, and close what is open."""
        # First who works: what a worker says when it has done comes through what is closed next.
        self._server.task_dispatcher.shutdown(timeout=1.0)
        pulled = threading.Event()

        def close_all() -> None:
            # The loop may wake before the trigger is pulled, which is among what it closes.
            pulled.wait()
            wasyncore.close_all(self._server._map)

        # The loop ends when nothing is open any more, and only it may close things.
        self._server.trigger.pull_trigger(close_all)
        pulled.set()
        self._thread.join(timeout=5.0)

"""One page on this machine that shows a live run: standard library, nothing from elsewhere."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Thread
from typing import Any

from eventsnn.errors import UserError
from eventsnn.live.page_text import page_text

_HOSTS = ("127.0.0.1", "localhost", "[::1]")
_WAIT_S = 5.0
_POLICY = (
    "default-src 'none'; connect-src 'self'; img-src data:; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
)
_KEPT = 120
"""Rows that a page which is opened later still gets."""


class Page:
    """Serves the page, and rows to whoever looks, on the loopback address alone.

    Parameters
    ----------
    port : int
        0: one that the system chooses.
    facts : dict
        What stands on the page from the start: ``title``, ``classes``, ``populations``.

    Raises
    ------
    UserError
        If the port is taken.
    """

    def __init__(self, port: int, facts: dict[str, Any]) -> None:
        self.facts, self.rows, self.told = facts, list[dict[str, Any]](), 0
        self.changed, self.closed = Condition(), False
        page = self

        class Handler(_Handler):
            served = page

        try:
            self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        except OSError as error:
            raise UserError(f"page: port {port}: {error.strerror}; give another") from error
        self._server.daemon_threads = True
        Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/"

    def add(self, row: dict[str, Any]) -> None:
        """Send a row to all who look; of former ones the picture is forgotten."""
        with self.changed:
            former = [{k: v for k, v in one.items() if k != "picture"} for one in self.rows[-1:]]
            self.rows = [*self.rows[1 - _KEPT : -1], *former, row]
            self.told += 1
            self.changed.notify_all()

    def text(self) -> bytes:
        """Return the page with the rows until now."""
        with self.changed:
            return page_text(self.facts | {"rows": self.rows, "told": self.told}).encode()

    def newer(self, told: int) -> tuple[int, str]:
        """Return how many rows there are, and the newest as JSON; "" if none is new for a while."""
        with self.changed:
            if self.told <= told and not self.closed:
                self.changed.wait(_WAIT_S)
            return self.told, json.dumps(self.rows[-1]) if self.told > told else ""

    def close(self) -> None:
        """End it."""
        with self.changed:
            self.closed = True
            self.changed.notify_all()
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    """Answers ``/`` with the page and ``/rows?told`` with a stream of rows after so many."""

    served: Page

    def do_GET(self) -> None:
        """Answer; other hosts (names that lead here) and other paths are refused."""
        host = self.headers.get("Host", "").rpartition(":")[0] or self.headers.get("Host", "")
        path, _, told = self.path.partition("?")
        if host not in _HOSTS:
            self.send_error(403)
        elif path == "/":
            text = self.served.text()
            self._head("text/html; charset=utf-8", len(text))
            self.wfile.write(text)
        elif path == "/rows":
            self._rows(int(told) if told.isascii() and told.isdigit() else 0)
        else:
            self.send_error(404)

    def log_message(self, *_: Any) -> None:
        """Print nothing."""

    def _head(self, kind: str, length: int | None) -> None:
        self.send_response(200)
        headers = {
            "Content-Type": kind,
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": _POLICY,
        }
        for name, value in headers.items():
            self.send_header(name, value)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def _rows(self, told: int) -> None:
        """Send the newest row each time that there is one, until the page goes away."""
        self._head("text/event-stream", None)
        try:
            while not self.served.closed:
                told, row = self.served.newer(told)
                self.wfile.write(f"data: {row}\n\n".encode() if row else b": still here\n\n")
                self.wfile.flush()
            self.wfile.write(b"event: end\ndata: {}\n\n")
        except OSError:  # the page was closed
            return

"""A server on this machine that speaks the hub's file layout, and goes wrong on request."""

import hashlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Hub:
    """What the server gives out, how it goes wrong, and what it was asked for."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.fault: str | None = None
        self.ranges: list[str | None] = []
        self.url = ""
        self.version = '"one"'


def handler_of(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            if "/resolve/" in self.path:
                self._lead_to_storage()
            else:
                self._give()

        def _lead_to_storage(self) -> None:
            """As the hub does: a digest of the large file, and a redirect to where it lies."""
            if hub.fault in ("404", "403", "500"):
                self._end(int(hub.fault), {"Content-Length": "0"})
            elif hub.fault == "redirect to a file":
                self._end(302, {"Location": "file:///etc/passwd", "Content-Length": "0"})
            else:
                digest = hashlib.sha256(hub.content).hexdigest()
                where = f"{hub.url}/storage/file"
                self._end(302, {"Location": where, "X-Linked-ETag": f'"{digest}"', "Content-Length": "0"})

        def _give(self) -> None:
            asked = self.headers.get("Range")
            hub.ranges.append(asked)
            if hub.fault == "silence":
                time.sleep(0.6)
                return
            content = hub.content
            if hub.fault == "another file":
                content = bytes(reversed(content))
            if hub.fault == "pickle":
                content = b"\x80\x02" + content
            if hub.fault == "html":
                page = b"<!DOCTYPE html><html>Sign in</html>"
                self._end(200, {"Content-Type": "text/html", "Content-Length": str(len(page))}, page)
                return
            if hub.fault == "html in disguise":
                content = b"<!DOCTYPE html><html>Sign in</html>" + bytes(400)
            began, status = 0, 200
            if asked and self.headers.get("If-Range") == hub.version and hub.fault != "no ranges":
                began, status = int(asked.removeprefix("bytes=").rstrip("-")), 206
                if began >= len(content):
                    self._end(416, {"Content-Length": "0"})
                    return
            rest = content[began:]
            headers = {"ETag": hub.version, "Content-Length": str(len(rest))}
            if status == 206:
                headers["Content-Range"] = f"bytes {began}-{len(content) - 1}/{len(content)}"
            if hub.fault == "truncated":  # and says so
                rest = rest[: len(rest) // 2]
                headers["Content-Length"] = str(len(rest))
            if hub.fault == "longer than stated":
                headers["Content-Length"] = str(len(rest) // 2)
            if hub.fault == "dropped":
                rest = rest[: len(rest) // 2]
            self._end(status, headers, rest)
            if hub.fault in ("dropped", "longer than stated"):
                self.close_connection = True
                self.connection.close()

        def _end(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()

    return Handler


@contextmanager
def serving(content: bytes) -> Iterator[Hub]:
    """The server within the block, by a thread of its own."""
    hub = Hub(content)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(hub))
    server.daemon_threads = True
    server.block_on_close = False
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()

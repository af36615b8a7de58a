"""A package index on this machine, with packages that a test makes up."""

import base64
import hashlib
import io
import json
import threading
import uuid
import zipfile
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def wheel(name: str, version: str, needs: Sequence[str] = (), tag: str = "py3-none-any") -> bytes:
    """Return a wheel with an empty module of its name."""
    info = f"{name}-{version}.dist-info"
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *(f"Requires-Dist: {n}" for n in needs)]
    files = {
        f"{name}.py": "",
        f"{info}/METADATA": "\n".join(lines) + "\n",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{file},,\n" for file in [*files, f"{info}/RECORD"])
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for file, text in files.items():
            archive.writestr(zipfile.ZipInfo(file), text)
    return content.getvalue()


class Index:
    """Serves packages by the simple repository API (PEP 691)."""

    def __init__(self, user: str = "") -> None:
        """Serve nothing yet; and only to `user:password`, if that is given."""
        self.files: dict[str, bytes] = {}
        """What is listed, by the name of the file."""
        self.served: dict[str, bytes] = {}
        """What is served instead of what is listed."""
        self.redirect: Callable[[str], str] | None = None
        """Where the files are by their name, if they are elsewhere."""
        self.asked: list[str] = []
        self.tells_sizes = True
        self.authorizations: list[str | None] = []
        self._expected = f"Basic {base64.b64encode(user.encode()).decode()}" if user else None
        self._root = f"/{uuid.uuid4().hex}"  # uv remembers what it has read by its URL
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.host = f"127.0.0.1:{self._server.server_port}"
        self.url = f"http://{self.host}{self._root}/simple"

    def add(self, name: str, version: str, *, needs: Sequence[str] = (), tag: str = "py3-none-any") -> None:
        """Offer a version of a package."""
        self.files[f"{name}-{version}-{tag}.whl"] = wheel(name, version, needs, tag)

    def close(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        index = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                index.asked.append(self.path)
                index.authorizations.append(self.headers["Authorization"])
                if index._expected and self.headers["Authorization"] != index._expected:
                    self.answer(401, b"", "text/plain")
                    return
                kind, _, name = self.path.removeprefix(f"{index._root}/").partition("/")
                if kind == "files" and index.redirect:
                    self.send_response(302)
                    self.send_header("Location", index.redirect(name))
                    self.end_headers()
                elif kind == "files" and name in index.files:
                    self.answer(200, index.served.get(name, index.files[name]), "application/octet-stream")
                elif kind == "simple" and (page := index._page(name.strip("/"))):
                    self.answer(200, page, "application/vnd.pypi.simple.v1+json")
                else:
                    self.answer(404, b"", "text/plain")

            do_HEAD = do_GET  # noqa: N815 - as above

            def answer(self, status: int, content: bytes, media_type: str) -> None:
                self.send_response(status)
                self.send_header("Content-Type", media_type)
                self.send_header("Content-Length", str(len(content)))
                self.send_header("Cache-Control", "no-cache")
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as above
                """Be quiet."""

        return Handler

    def _page(self, package: str) -> bytes | None:
        files = [
            {
                "filename": name,
                "url": f"../../files/{name}",
                "hashes": {"sha256": hashlib.sha256(content).hexdigest()},
                **({"size": len(content)} if self.tells_sizes else {}),
            }
            for name, content in self.files.items()
            if name.partition("-")[0].replace("_", "-") == package
        ]
        if not files:
            return None
        return json.dumps({"meta": {"api-version": "1.0"}, "name": package, "files": files}).encode()

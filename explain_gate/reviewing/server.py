"""The page of a review on this machine alone: Flask on 127.0.0.1, behind a random token in the address.

What other pages and programs may try is refused before anything is looked at: a request without the token, one that
came under another host's name (DNS rebinding) or from another page (Origin), one that is too large. Pictures are asked
for by number, so that no path comes from outside, and nothing is written but the files of decisions.
"""

from __future__ import annotations

import hmac
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Flask, Response, abort, jsonify, request
from werkzeug.serving import WSGIRequestHandler, make_server

from explain_gate.decisions.files import LONGEST_NOTE
from explain_gate.errors import ExplainGateError, OptionError
from explain_gate.reviewing.desk import OPINIONS, Desk
from explain_gate.reviewing.page import own_text
from explain_gate.reviewing.page import style as stylesheet
from explain_gate.reviewing.pictures import Pictures

if TYPE_CHECKING:
    from werkzeug.serving import BaseWSGIServer

HOST = "127.0.0.1"
_MOST_BYTES = 16_384
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self' data:; style-src 'self'; script-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server that is bound and does not serve yet; `address` holds the token."""

    address: str
    bound: BaseWSGIServer

    def serve(self) -> None:
        """Answer until `close` is called in another thread, or the process is interrupted."""
        self.bound.serve_forever()

    def close(self) -> None:
        """Stop serving and let the port go."""
        self.bound.shutdown()
        self.bound.server_close()


def bind(desk: Desk, *, port: int = 0, token: str | None = None) -> Server:
    """Take a port of this machine, a free one for 0.

    Raises:
        OptionError: the port is taken.
    """
    token = token or secrets.token_urlsafe(24)
    try:
        listening = socket.create_server((HOST, port))
    except OSError as error:
        raise OptionError(f"--port {port}: cannot be listened on: {error.strerror}") from error
    port = int(listening.getsockname()[1])
    app = make_app(desk, token, port)
    bound = make_server(HOST, port, app, threaded=True, request_handler=_Quiet, fd=listening.fileno())
    listening.close()  # the server holds a copy of it
    return Server(address=f"http://{HOST}:{port}/{token}/", bound=bound)


def make_app(desk: Desk, token: str, port: int) -> Flask:
    """The application of one desk."""
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = _MOST_BYTES
    app.before_request(_guard(token, {f"{HOST}:{port}", f"localhost:{port}"}))
    app.register_error_handler(ExplainGateError, _told)
    app.after_request(_with_headers)
    app.register_blueprint(_page(), url_prefix=f"/{token}")
    app.register_blueprint(_questions(desk), url_prefix=f"/{token}")
    app.register_blueprint(_shown(Pictures(desk.profile, desk.methods)), url_prefix=f"/{token}")
    return app


def _guard(token: str, hosts: set[str]) -> Callable[[], None]:
    def check() -> None:
        given = request.path.split("/")[1] if request.path.count("/") > 1 else ""
        if not hmac.compare_digest(given.encode(), token.encode()):
            abort(403)
        if request.headers.get("Host", "").lower() not in hosts:
            abort(403)
        origin = request.headers.get("Origin")
        ours = {f"http://{host}" for host in hosts}
        if (origin is None and request.method not in ("GET", "HEAD")) or (origin is not None and origin not in ours):
            abort(403)
        # A person may follow the address from a terminal that is itself a page; nothing else of it is for other sites.
        followed = request.headers.get("Sec-Fetch-Dest") == "document" and request.path == f"/{token}/"
        if not followed and request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
            abort(403)

    return check


def _page() -> Blueprint:
    page = Blueprint("page", __name__)

    @page.get("/")
    def index() -> Response:
        return Response(own_text("review.html"), mimetype="text/html")

    @page.get("/style.css")
    def style() -> Response:
        return Response(stylesheet(), mimetype="text/css")

    @page.get("/script.js")
    def script() -> Response:
        return Response(own_text("review.js"), mimetype="text/javascript")

    return page


def _questions(desk: Desk) -> Blueprint:
    questions = Blueprint("questions", __name__)

    @questions.get("/questions")
    def described() -> Response:
        return jsonify(desk.described())

    @questions.get("/standings")
    def standings() -> Response:
        return jsonify(desk.standings())

    @questions.post("/decide")
    def decide() -> Response:
        given = _asked()
        number, opinion, note = given.get("question"), given.get("opinion"), given.get("note")
        if type(number) is not int or not 0 <= number < len(desk.questions):
            abort(400)
        if opinion not in OPINIONS or not isinstance(note, str) or len(note) > LONGEST_NOTE:
            abort(400)
        return jsonify(desk.decide(number, opinion, note))

    @questions.post("/undo")
    def undo() -> Response:
        _asked()
        return jsonify(desk.undo())

    return questions


def _shown(pictures: Pictures) -> Blueprint:
    shown = Blueprint("shown", __name__)
    count = len(pictures.profile.images)

    @shown.get("/image/<int:row>")
    def detail(row: int) -> Response:
        if row >= count:
            abort(404)
        return jsonify(pictures.detail(row))

    @shown.get("/image/<int:row>/photo")
    def photo(row: int) -> Response:
        return _picture(pictures.photo(row) if row < count else None, "image/jpeg")

    @shown.get("/image/<int:row>/map/<int:method>")
    def layer(row: int, method: int) -> Response:
        there = row < count and method < len(pictures.methods)
        return _picture(pictures.layer(row, method) if there else None, "image/webp")

    @shown.get("/exchanged/<int:number>")
    def exchanged(number: int) -> Response:
        path = pictures.exchanged[number].path if number < len(pictures.exchanged) else None
        kind = "image/webp" if path is not None and path.suffix == ".webp" else "image/jpeg"
        return _picture(path.read_bytes() if path is not None else None, kind)

    return shown


def _asked() -> dict[str, Any]:
    """The JSON of a request; a form of another page can send no such type."""
    if request.mimetype != "application/json":
        abort(415)
    given = request.get_json()
    if not isinstance(given, dict):
        abort(400)
    return given


def _picture(content: bytes | None, kind: str) -> Response:
    if content is None:
        abort(404)
    return Response(content, mimetype=kind)


def _told(error: Exception) -> tuple[Response, int]:
    return jsonify(error=str(error)), 409


def _with_headers(response: Response) -> Response:
    response.headers.update(_HEADERS)
    return response


class _Quiet(WSGIRequestHandler):
    """Writes no log, which would hold the token."""

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - werkzeug's word
        """Nothing."""

"""What other pages and programs may try is refused; what the page asks is answered and kept, also under a kill."""

import json
import os
import signal
import subprocess
import threading
import urllib.error
import urllib.request
from contextlib import contextmanager

import pytest
from processes import gate
from projects import write_gate

from explain_gate.decisions.files import read_decisions
from explain_gate.errors import OptionError
from explain_gate.publishing.text.verdict_json import verdict_to_json
from explain_gate.reviewing.server import bind, make_app

TOKEN, PORT = "a-token-of-this-test", 4321
OURS = {"Host": f"127.0.0.1:{PORT}", "Origin": f"http://127.0.0.1:{PORT}"}
ANSWER = {"question": 0, "opinion": "plausible", "note": ""}


@pytest.fixture
def client(desk):
    """Asks the application without a network."""
    return make_app(desk, TOKEN, PORT).test_client()


def get(client, path, **headers):
    """A GET of our own page, or with other headers; None takes one away."""
    given = {name: value for name, value in {**OURS, **headers}.items() if value is not None}
    return client.get(path, headers=given)


def post(client, path="decide", body=ANSWER, token=TOKEN, **headers):
    """A POST of our own page, or with other headers."""
    given = {name: value for name, value in {**OURS, **headers}.items() if value is not None}
    kind = given.pop("Kind", "application/json")
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return client.post(f"/{token}/{path}", data=content, content_type=kind, headers=given)


PATHS = ("", "questions", "standings", "script.js", "style.css", "image/3", "image/3/photo", "image/3/map/0")


@pytest.mark.parametrize("path", PATHS)
def test_our_own_page_gets_what_it_asks_for(client, path):
    """With a policy that lets nothing else in, and nothing that a cache or another page may keep."""
    answer = get(client, f"/{TOKEN}/{path}", Origin=None)
    assert answer.status_code == 200
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("token", ["", "wrong", TOKEN[:-1], f"{TOKEN}x", TOKEN.upper(), "%00"])
def test_nothing_is_told_without_the_token(client, path, token):
    """Nor what there is."""
    answer = get(client, f"/{token}/{path}".replace("//", "/"))
    assert answer.status_code == 403
    assert "Content-Security-Policy" in answer.headers


@pytest.mark.parametrize("host", ["evil.example", f"evil.example:{PORT}", "127.0.0.1", f"127.0.0.1:{PORT + 1}", ""])
def test_another_hosts_name_is_refused(client, host):
    """DNS rebinding: a page of somebody else whose name now leads here."""
    assert get(client, f"/{TOKEN}/questions", Host=host, Origin=None).status_code == 403
    assert post(client, Host=host).status_code == 403
    assert get(client, f"/{TOKEN}/questions", Host=f"localhost:{PORT}", Origin=None).status_code == 200


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", f"https://127.0.0.1:{PORT}", "http://127.0.0.1", None]
)
def test_another_page_may_not_decide(client, desk, origin):
    """Even one that knows the token; a request that changes something says where it comes from."""
    assert post(client, Origin=origin).status_code == 403
    assert post(client, "undo", {}, Origin=origin).status_code == 403
    assert not desk.folder.exists()
    if origin is not None:
        assert get(client, f"/{TOKEN}/standings", Origin=origin).status_code == 403


def test_a_browser_that_says_another_site_asks_is_believed(client):
    """Pictures too: an <img> of another page sends no Origin."""
    for site in ("cross-site", "same-site"):
        followed = {"Origin": None, "Sec-Fetch-Site": site, "Sec-Fetch-Dest": "document"}
        assert get(client, f"/{TOKEN}/", **followed).status_code == 200  # somebody clicked on the address
        assert get(client, f"/{TOKEN}/standings", **followed).status_code == 403
        assert get(client, f"/{TOKEN}/", **{**followed, "Sec-Fetch-Dest": "iframe"}).status_code == 403
        assert get(client, f"/{TOKEN}/image/3/photo", **{"Origin": None, "Sec-Fetch-Site": site}).status_code == 403


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_a_form_may_not_decide(client, desk, kind):
    """These are the types that a page sends elsewhere without asking."""
    assert post(client, Kind=kind).status_code in (400, 415)
    assert not desk.folder.exists()


@pytest.mark.parametrize(
    "body",
    [
        {}, [], "plausible", {**ANSWER, "question": -1}, {**ANSWER, "question": 10_000}, {**ANSWER, "question": True},
        {**ANSWER, "question": "0"}, {**ANSWER, "opinion": "fine"}, {**ANSWER, "note": 3}, {**ANSWER, "opinion": None},
        {**ANSWER, "note": "x" * 2001}, b"{", b"\xff", b"",
    ],
)  # fmt: skip
def test_what_is_no_answer_is_refused(client, desk, body):
    """And nothing is written."""
    assert post(client, body=body).status_code == 400
    assert not desk.folder.exists()


def test_a_request_without_end_is_refused(client, desk):
    """Before it is read."""
    assert post(client, body={**ANSWER, "note": "x" * 100_000}).status_code == 413
    assert not desk.folder.exists()


@pytest.mark.parametrize(
    "path",
    [
        "../verdict.json", "image/../../manifest.json", "image/-1", "image/99", "image/3/map/9", "image/99/photo",
        "exchanged/0", "exchanged/../../x", "image/3/photo/../../../etc/passwd", "%2e%2e/%2e%2e/etc/passwd",
        "templates/review.js", "image/99999999999999999999999/photo", "image//etc/passwd", "..%2f..%2fetc%2fpasswd",
    ],
)  # fmt: skip
def test_no_path_leads_out_of_the_run(client, path):
    """There are no paths: what there is has a number."""
    assert get(client, f"/{TOKEN}/{path}").status_code in (403, 404)


@pytest.mark.parametrize("method", ["put", "delete", "patch", "options", "trace"])
def test_only_what_the_page_does_can_be_done(client, desk, method):
    """No other verb changes anything."""
    answer = getattr(client, method)(f"/{TOKEN}/decide", headers=OURS, json=ANSWER)
    assert answer.status_code in (200, 405)
    assert answer.status_code == 405 or method == "options"
    assert not desk.folder.exists()


def test_nothing_but_files_of_decisions_is_written(client, run, desk, tmp_path):
    """A whole review leaves the run's folder as it was."""
    before = {path: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()}
    for number in range(len(desk.questions)):
        for path in (f"image/{desk.questions[number].row}", f"image/{desk.questions[number].row}/map/0"):
            get(client, f"/{TOKEN}/{path}")
        assert post(client, body={**ANSWER, "question": number}).status_code == 200
    assert {path: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()} == before
    others = {path.name for path in tmp_path.iterdir()} - {"reviews", run.folder.name}
    assert others == set()
    assert len(read_decisions(desk.folder)) == len(desk.questions)


def test_an_answer_and_its_undoing(client, desk):
    """As the page asks for them."""
    changed = post(client).get_json()
    assert dict(changed)[0]["opinion"] == "plausible"
    assert get(client, f"/{TOKEN}/standings").get_json()[0]["opinion"] == "plausible"
    assert post(client, "undo", {}).get_json()[0] == 0
    assert post(client, "undo", {}).get_json() is None
    assert read_decisions(desk.folder) == ()


def test_trouble_with_a_file_is_told_to_the_page(client, desk):
    """With the file's name, and without a stack."""
    desk.folder.mkdir()
    (desk.folder / "stray.txt").touch()
    answer = post(client)
    assert answer.status_code == 409
    assert "stray.txt" in answer.get_json()["error"]


@contextmanager
def serving(desk):
    """A server of this process."""
    server = bind(desk)
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        yield server
    finally:
        server.close()
        thread.join()


def test_it_listens_on_this_machine_alone_under_a_new_token_each_time(desk):
    """The address holds it."""
    with serving(desk) as one, serving(desk) as other:
        assert one.address.startswith("http://127.0.0.1:")
        tokens = {server.address.split("/")[3] for server in (one, other)}
        assert len(tokens) == 2
        assert min(map(len, tokens)) >= 32
        with urllib.request.urlopen(one.address) as answer:  # noqa: S310 - our own
            assert b"Review" in answer.read()
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(one.address.replace(tokens.pop(), "x").replace(tokens.pop(), "x"))  # noqa: S310


def test_a_port_that_is_taken_is_an_error(desk):
    """With its number."""
    with serving(desk) as server:
        port = int(server.address.split(":")[2].split("/")[0])
        with pytest.raises(OptionError, match=f"--port {port}: cannot be listened on"):
            bind(desk, port=port)


@pytest.mark.slow
def test_a_killed_server_loses_at_most_the_decision_in_flight(run, tmp_path):
    """Every answer that was told to be kept is, whole; the next server goes on with it."""
    config = write_gate(tmp_path, "annotations.json")
    (run.folder / "verdict.json").write_text(verdict_to_json(run.verdict))
    command = gate("review", str(run.folder), "--by", "anna", "--config", str(config))
    kept = 0
    for _ in range(2):
        server = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}
        )
        try:
            address = server.stdout.readline().split()[1]
            assert server.stdout.readline().startswith(f"{kept} of ")
            for number in range(kept, kept + 4):
                request = urllib.request.Request(  # noqa: S310 - our own
                    f"{address}decide",
                    json.dumps({**ANSWER, "question": number}).encode(),
                    {"Content-Type": "application/json", "Origin": address.rpartition("/")[0].rpartition("/")[0]},
                )
                with urllib.request.urlopen(request) as answer:  # noqa: S310 - our own
                    assert answer.status == 200
            kept += 4
        finally:
            server.send_signal(signal.SIGKILL)
            server.wait()
            server.stdout.close()
        assert len(read_decisions(tmp_path / "reviews")) == kept

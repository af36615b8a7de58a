"""The port of the emulator answers the programs of this machine, and no page that is open in its browser."""

import http.client
import json
from collections.abc import Mapping
from contextlib import closing
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest

from local.testing.emulated import Emulator


class Answer(NamedTuple):
    """An answer as it came, before any client has made something of it."""

    status: int
    headers: Mapping[str, str]
    text: str


def ask(emulator: Emulator, method: str, path: str, headers: Mapping[str, str], body: str = "") -> Answer:
    """Send a request with these headers and no others, but for a `Host` if none is given."""
    address = urlsplit(emulator.endpoint)
    assert address.hostname
    with closing(http.client.HTTPConnection(address.hostname, address.port, timeout=10)) as connection:
        connection.request(method, path, body or None, dict(headers))
        response = connection.getresponse()
        return Answer(response.status, dict(response.headers), response.read().decode())


PROGRAMS: Mapping[str, Mapping[str, str]] = {
    "as boto3 has it": {},
    "by name": {"Host": "localhost:4566"},
    "by name, in capitals": {"Host": "LOCALHOST"},
    "another loopback address": {"Host": "127.0.0.9:80"},
    "where a container finds its credentials": {"Host": "169.254.170.2"},
    "a bucket": {"Host": "a.bucket-1.localhost:4566"},
    "a bucket, by address": {"Host": "bucket.127.0.0.1:4566"},
    "an address that somebody has typed into a browser": {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"},
    "moto's own page": {"Sec-Fetch-Site": "same-origin"},
}

PAGES: Mapping[str, tuple[Mapping[str, str], str]] = {
    "a page": ({"Origin": "https://news.example"}, "from one of https://news.example."),
    "a file, or a frame without an origin": ({"Origin": "null"}, "from one of null."),
    "a page of another program of this machine": ({"Origin": "http://127.0.0.1:3000"}, "http://127.0.0.1:3000."),
    "a picture in a page": ({"Sec-Fetch-Site": "cross-site"}, "from one of another site."),
    "a picture in a page of this machine": ({"Sec-Fetch-Site": "same-site"}, "from one of another site."),
    **{
        f"a name that leads here: {host}": ({"Host": host}, f"not at {host}: ")
        for host in (
            *("news.example", "news.example:4566", "localhost.news.example", "127.0.0.1.news.example"),
            *("notlocalhost", "news.example#.localhost", "0.0.0.0:4566", "10.0.0.1", "1127.0.0.1", "[::1]:4566"),
            "bucket.169.254.170.2",
        )
    },
}


@pytest.mark.parametrize("headers", PROGRAMS.values(), ids=PROGRAMS)
def test_a_program_is_answered_by_whatever_name_it_has_for_this_machine(
    emulator: Emulator, headers: Mapping[str, str]
) -> None:
    assert ask(emulator, "GET", "/moto-api/", headers).status == 200


@pytest.mark.parametrize(("headers", "words"), PAGES.values(), ids=PAGES)
def test_a_request_of_a_page_is_refused_and_told_why(
    emulator: Emulator, headers: Mapping[str, str], words: str
) -> None:
    answer = ask(emulator, "GET", "/moto-api/", headers)

    assert answer.status == 403
    assert answer.text.startswith("The local cloud ")
    assert words in answer.text


@pytest.mark.parametrize("path", ["/", "/limits", "/faults", "/moto-api/reset", "/v2/credentials/a", "/bucket/key"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "OPTIONS"])
def test_a_page_reaches_nothing_on_the_port(emulator: Emulator, method: str, path: str) -> None:
    plain = {"Origin": "https://news.example", "Content-Type": "text/plain"}

    assert ask(emulator, method, path, plain, json.dumps({"vcpus": 0})).status == 403


def test_no_answer_tells_a_browser_that_pages_may_read_it(emulator: Emulator) -> None:
    asks = {"Origin": "https://news.example", "Access-Control-Request-Method": "PUT"}
    answers = [
        *(ask(emulator, "GET", path, {}) for path in ("/", "/moto-api/")),
        *(ask(emulator, "OPTIONS", path, asks) for path in ("/", "/limits")),
    ]

    assert [name for answer in answers for name in answer.headers if name.lower().startswith("access-control-")] == []


@pytest.mark.parametrize("path", ["/clock", "/databases", "/limits"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_the_controls_take_a_put_and_nothing_else(emulator: Emulator, method: str, path: str) -> None:
    answer = ask(emulator, method, path, {}, "{}")

    assert (answer.status, answer.headers["Allow"]) == (405, "PUT")

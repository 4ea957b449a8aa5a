"""The guard's answers, in front of a small ASGI application."""

import asyncio

import httpx
import pytest

from objectcrop.inspection.guard import Guard


async def application(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": scope["path"].encode()})


GUARD = Guard(
    application, token="sesame", hosts=["127.0.0.1:5151"], media_folders=["/images/train"], cookie="objectcrop_5151"
)


def ask(path, *, cookie="objectcrop_5151=sesame", host="127.0.0.1:5151"):
    async def asking():
        transport = httpx.ASGITransport(app=GUARD)
        headers = {"Cookie": cookie} if cookie else {}
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}", headers=headers) as client:
            return await client.get(path)

    return asyncio.run(asking())


def test_whoever_has_the_cookie_is_served():
    answer = ask("/fiftyone")
    assert (answer.status_code, answer.text) == (200, "/fiftyone")


@pytest.mark.parametrize("cookie", [None, "objectcrop_5151=", "objectcrop_5151=other", "objectcrop_5152=sesame"])
def test_without_the_right_cookie_nothing_is_served(cookie):
    assert ask("/fiftyone", cookie=cookie).status_code == 403


def test_the_token_sets_the_cookie_once_and_leaves_the_address():
    answer = ask("/datasets/drawn?token=sesame&view=missed", cookie=None)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/datasets/drawn?view=missed"
    assert answer.headers["set-cookie"].startswith("objectcrop_5151=sesame; HttpOnly; SameSite=Strict")


def test_a_wrong_token_is_refused_even_if_it_is_not_ascii():
    assert ask("/?token=ses%C3%A4me", cookie=None).status_code == 403


def test_the_redirect_stays_on_this_host():
    scope = {"type": "http", "path": "//evil.example/x", "query_string": b"token=sesame"}
    sent = []

    async def send(message):
        sent.append(message)

    asyncio.run(GUARD({**scope, "headers": [(b"host", b"127.0.0.1:5151")]}, None, send))
    assert dict(sent[0]["headers"])[b"location"] == b"/evil.example/x"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:5151", "127.0.0.1", "127.0.0.1:5152"])
def test_other_host_names_are_refused_whatever_the_cookie(host):
    assert ask("/fiftyone", host=host).status_code == 421


@pytest.mark.parametrize(
    ("file", "status"),
    [
        ("/images/train/a.jpg", 200),
        ("/images/train/../train/a.jpg", 404),
        ("/etc/passwd", 404),
        ("/images/train/../../etc/passwd", 404),
        ("/images/train/deeper/a.jpg", 404),
        ("/images/train/a.jpg&filepath=/etc/passwd", 404),
        ("", 404),
    ],
)
def test_images_come_from_the_data_sets_folders_only(file, status):
    assert ask(f"/media?filepath={file}").status_code == status
    assert ask(f"/proxy/media/?filepath={file}").status_code == status


def test_pages_may_talk_to_this_server_only():
    policy = ask("/fiftyone").headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "http" not in policy


def test_websockets_are_not_handed_on():
    reached = []

    async def behind(scope, receive, send):
        reached.append(scope)

    guard = Guard(behind, token="sesame", hosts=[], media_folders=[], cookie="c")
    asyncio.run(guard({"type": "websocket", "headers": []}, None, None))
    assert reached == []

"""What stands between the App and whoever reaches its port.

FiftyOne's server has no login, serves every file that its user can read, answers under any host name, and its page waits
for fonts from the internet. The guard asks for a token, checks the Host header, serves images of the data sets only,
and keeps the page from talking to anything but this server.
"""

import os
import secrets
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qs, quote, urlencode

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
Receive = Callable[[], Awaitable[Message]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]
Header = tuple[bytes, bytes]

CONTENT_SECURITY_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' data: blob:; worker-src 'self' blob:; "
    "frame-ancestors 'none'; base-uri 'self'; form-action 'self'"
)
_ADDED_HEADERS: list[Header] = [
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
]


class Guard:
    """ASGI application in front of another one.

    Args:
        app: what is guarded.
        token: secret; the address with `?token=` sets a cookie once and leads on without it.
        hosts: values of the Host header that are served, with port.
        media_folders: folders whose files `/media?filepath=` may name, absolute. Compared as text, since data folders
            are often symbolic links.
        cookie: name of the cookie; cookies know no ports, so give each port its own.
    """

    def __init__(
        self, app: Application, *, token: str, hosts: Collection[str], media_folders: Collection[str], cookie: str
    ) -> None:
        self._app, self._token, self._cookie = app, token, cookie
        self._hosts = frozenset(host.lower() for host in hosts)
        self._media_folders = frozenset(media_folders)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer 421 to another host, 303 to the token, 403 without cookie, 404 to other files; else hand on."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # no websockets: the App needs none, and they would slip past
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        if headers.get(b"host", "").lower() not in self._hosts:
            await _answer(send, 421, "This server is not known by that name.")
        elif self._is_token(query.get("token", [""])[0]):
            await self._let_in(scope, query, send)
        elif not self._has_cookie(headers.get(b"cookie", "")):
            await _answer(send, 403, "Open the address with the token that `inspect` printed.")
        elif scope["path"].rstrip("/").endswith("/media") and not self._is_media(query.get("filepath", [""])):
            await _answer(send, 404, "No data set has that image.")
        else:
            await self._app(scope, receive, _with_headers(send))

    def _is_token(self, token: str) -> bool:
        return secrets.compare_digest(token.encode(), self._token.encode())

    def _has_cookie(self, header: str) -> bool:
        morsel = SimpleCookie(header).get(self._cookie)
        return morsel is not None and self._is_token(morsel.value)

    def _is_media(self, paths: list[str]) -> bool:
        # every value, as which of several the server takes is not ours to guess; and none with `..`, which a symbolic
        # link would lead elsewhere than the text says
        return all(path == os.path.abspath(path) and os.path.dirname(path) in self._media_folders for path in paths)

    async def _let_in(self, scope: Message, query: dict[str, list[str]], send: Send) -> None:
        rest = urlencode([(name, value) for name, values in query.items() if name != "token" for value in values])
        # one slash: two would lead to another host
        location = "/" + quote(scope["path"].lstrip("/")) + (f"?{rest}" if rest else "")
        cookie = f"{self._cookie}={self._token}; HttpOnly; SameSite=Strict; Path=/"
        await _answer(send, 303, "", [(b"location", location.encode()), (b"set-cookie", cookie.encode())])


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", []), *_ADDED_HEADERS]}
        await send(message)

    return sending


async def _answer(send: Send, status: int, text: str, headers: Collection[Header] = ()) -> None:
    always: list[Header] = [(b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": status, "headers": [*always, *headers]})
    await send({"type": "http.response.body", "body": text.encode()})

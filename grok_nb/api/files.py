"""Files that are kept at xAI: upload, list, read, delete. All free."""

from __future__ import annotations

import os
import reprlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import urlencode

from grok_nb import bodies
from grok_nb.errors import BadRequest, GrokError, InDoubt, NotFound, ServerFault

from .answers import not_an_answer
from .parameters import WHOLE, WORD, Rules, checked, in_path
from .retry import RETRIES, kind_of

if TYPE_CHECKING:
    from collections.abc import Collection

    from grok_nb.wire import DeletedFile, FilePage, StoredFile

    from .exchange import Exchange
    from .retry import Kind

FILES = "/files"
#: Bytes of one file. Source: xai-api.md section 12.2.
LARGEST = 50_000_000
UPLOADING: Rules = {
    "expires_after_s": (WHOLE, 3600, 2_592_000),
    "filename": (WORD, 0, 0),
}
LISTING: Rules = {
    "limit": (WHOLE, 1, 100),
    "order": (WORD, 0, 0),
    "sort_by": (WORD, 0, 0),
    "pagination_token": (WORD, 0, 0),
}
#: Failures after which nothing can have happened at the server.
_SAFE: tuple[Kind, ...] = ("throttle", "unavailable", "unsent")


class FileMethods:
    """The methods of the client that keep files."""

    exchange: Exchange

    async def file_upload(
        self,
        file: str | os.PathLike[str] | bytes | BinaryIO,
        *,
        filename: str | None = None,
        expires_after_s: int | None = None,
    ) -> StoredFile:
        """Upload a file: ``POST /v1/files``.

        Parameters
        ----------
        file
            A path, the content as bytes, or a file open for bytes; at most 50 MB.
        filename
            Its name there; default the path's. Bytes need one.
        expires_after_s
            Seconds until it is deleted: 3600 to 2592000 (an hour to 30 days). Default:
            it stays.

        Returns
        -------
        StoredFile
            ``.id`` is what requests name.

        Raises
        ------
        BadRequest
            Before sending, where it cannot be right, or by the API.
        InDoubt
            It was sent and not answered. It is not sent again, for it may be there.
        GrokError
            Any other of the tree in `grok_nb.errors`.

        Notes
        -----
        Source: xai-api.md section 12.2.
        """
        options = checked(
            "Uploads",
            UPLOADING,
            {"filename": filename, "expires_after_s": expires_after_s},
        )
        name, content = content_of(file, options.get("filename"))
        content_type, body = multipart(name, content, options.get("expires_after_s"))
        try:
            return _stored(
                await self._file_call(
                    "POST", FILES, body, content_type=content_type, kinds=_SAFE
                )
            )
        except GrokError as error:
            if kind_of(error, shown=False) in (*_SAFE, "never") and not _is_late(error):
                raise
            doubt = InDoubt(
                f"{error} {name} may be stored, so it is not sent again.",
                hint="grok.files() shows whether it arrived.",
            )
            doubt.request_id = error.request_id
            raise doubt from error

    async def files(
        self,
        *,
        limit: int | None = None,
        order: str | None = None,
        sort_by: str | None = None,
        pagination_token: str | None = None,
    ) -> FilePage:
        """List files, a page at a time: ``GET /v1/files``.

        Parameters
        ----------
        limit
            Of a page, 1 to 100.
        order
            ``"asc"`` or ``"desc"``.
        sort_by
            What orders them, e.g. ``"created_at"``.
        pagination_token
            From the page before.

        Returns
        -------
        FilePage
            ``.data`` and ``.pagination_token``.

        Notes
        -----
        Source: xai-api.md section 12.2.
        """
        given = {
            "limit": limit,
            "order": order,
            "sort_by": sort_by,
            "pagination_token": pagination_token,
        }
        options = checked("Listings of files", LISTING, given)
        if options.get("order", "asc") not in ("asc", "desc"):
            raise BadRequest(f"order is {order!r}.", hint="asc or desc.")
        try:
            query = urlencode(options)
        except UnicodeEncodeError:
            raise BadRequest("A parameter has half of a surrogate pair.") from None
        from grok_nb.wire import FilePage

        data = await self._file_call("GET", f"{FILES}?{query}" if query else FILES)
        if isinstance(data.get("data"), list):
            return FilePage.read(data)
        del data  # some tracebacks show variables, and a server may echo the key
        raise _unusable("it lists no files")

    async def file(self, file_id: str) -> StoredFile:
        """Describe a file: ``GET /v1/files/{id}``.

        Raises
        ------
        NotFound
            It never was, was deleted, or has expired.
        """
        return _stored(await self._file_call("GET", _path(file_id), of=file_id))

    async def file_content(self, file_id: str) -> bytes:
        """Read a file: ``GET /v1/files/{id}/content``.

        Returns
        -------
        bytes
            As they were uploaded.

        Raises
        ------
        NotFound
            It never was, was deleted, or has expired.
        """
        path = f"{_path(file_id)}/content"

        async def once(deadline: float) -> bytes:
            _, said = await self.exchange.read("GET", path, deadline)
            return said

        try:
            return await self.exchange.repeated(once)
        except NotFound as error:
            gone = _gone(file_id, error)
        raise gone

    async def file_delete(self, file_id: str) -> DeletedFile:
        """Delete a file: ``DELETE /v1/files/{id}``.

        Raises
        ------
        NotFound
            It never was, was deleted already, or has expired.
        GrokError
            Any other of the tree; a deletion that was sent and not answered is not
            sent again.
        """
        from grok_nb.wire import DeletedFile

        data = await self._file_call("DELETE", _path(file_id), kinds=_SAFE, of=file_id)
        return DeletedFile.read(data)

    async def _file_call(
        self,
        method: str,
        path: str,
        content: bytes | None = None,
        *,
        content_type: str = "application/json",
        kinds: Collection[Kind] = tuple(RETRIES),
        of: str = "",
    ) -> dict[str, Any]:
        async def once(deadline: float) -> dict[str, Any]:
            answer, said = await self.exchange.read(
                method, path, deadline, content, content_type=content_type
            )
            data = bodies.parse_object(said)
            if data is None or "error" in data:
                secret = self.exchange.settings.api_key
                raise not_an_answer(said, answer.headers, secret)
            return data

        try:
            return await self.exchange.repeated(once, kinds)
        except NotFound as error:
            if not of:
                raise
            gone = _gone(of, error)
        raise gone


def multipart(
    name: str, content: bytes, expires_after_s: int | None
) -> tuple[str, bytes]:
    """Write a form with a file; return its content type and body.

    ``expires_after`` must come before ``file``: a server reads the file as it comes.
    Source: RFC 7578; xai-api.md section 12.2.
    """
    boundary = os.urandom(16).hex()
    while boundary.encode() in content:
        boundary = os.urandom(16).hex()
    line = f"--{boundary}\r\nContent-Disposition: form-data; name="
    head = ""
    if expires_after_s is not None:
        head = f'{line}"expires_after"\r\n\r\n{expires_after_s}\r\n'
    # as browsers escape it: WHATWG HTML, "multipart/form-data encoding algorithm"
    for character, escaped in (("\r", "%0D"), ("\n", "%0A"), ('"', "%22")):
        name = name.replace(character, escaped)
    head += (
        f'{line}"file"; filename="{name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    tail = f"\r\n--{boundary}--\r\n".encode()
    body = b"".join((head.encode("utf-8", "replace"), content, tail))
    return f"multipart/form-data; boundary={boundary}", body


def content_of(file: Any, filename: object = None) -> tuple[str, bytes]:
    """Return name and content of what is to be uploaded; may wait for a file.

    Raises
    ------
    BadRequest
        It cannot be read, has no name, or is too large.
    """
    if filename is not None and not (isinstance(filename, str) and filename.strip()):
        raise BadRequest(f"filename must be a name, not {reprlib.repr(filename)}.")
    if isinstance(file, (bytes, bytearray, memoryview)):
        found, content = None, bytes(file)
    elif isinstance(file, (str, os.PathLike)):
        found, content = _from_path(os.fsdecode(file))
    elif callable(getattr(file, "read", None)):
        found, content = _from_open(file)
    else:
        raise BadRequest(
            f"{type(file).__name__} cannot be uploaded.",
            hint="A path, bytes, or an open file.",
        )
    name = filename or found
    if name is None:
        raise BadRequest("What is uploaded has no name.", hint='Give filename="...".')
    _check_size(name, len(content))
    return name, content


def _from_path(text: str) -> tuple[str, bytes]:
    try:
        path = Path(text).expanduser()
        if not path.is_file():
            kind = "is a folder" if path.is_dir() else "is not there"
            raise BadRequest(f"{path} {kind}.", hint=f"This is {Path.cwd()}.")
        _check_size(path.name, path.stat().st_size)
        return path.name, path.read_bytes()
    except (OSError, ValueError, RuntimeError) as error:  # the last: ~ of nobody
        reason = f"{error}".rstrip(".")
    raise BadRequest(f"{reprlib.repr(text)} cannot be read: {reason}.")


def _from_open(file: Any) -> tuple[str | None, bytes]:
    try:
        content = file.read(LARGEST + 1)
    except Exception as error:  # noqa: BLE001 - anybody's code
        reason = f"{type(error).__name__}: {error}".rstrip(".")
        raise BadRequest(f"The file cannot be read: {reason}.") from None
    if not isinstance(content, bytes):
        raise BadRequest("A file must be open for bytes.", hint='open(..., "rb")')
    name = getattr(file, "name", None)
    return Path(name).name if isinstance(name, str) else None, content


def _check_size(name: str, size: int) -> None:
    if size > LARGEST:
        raise BadRequest(
            f"{name} has {size / 1e6:.1f} MB; a file can have 50 MB at most."
        )


def _path(file_id: object) -> str:
    return f"{FILES}/{in_path('file_id', file_id, 'grok.files() lists them.')}"


def _stored(data: dict[str, Any]) -> StoredFile:
    from grok_nb.wire import StoredFile

    found = StoredFile.read(data)
    if found.id:
        return found
    del data, found  # some tracebacks show variables
    raise _unusable("it describes no file")


def _is_late(error: GrokError) -> bool:
    """Whether the time ended after the request had been sent."""
    return bool(getattr(error, "sent", False))


def _gone(file_id: str, error: NotFound) -> NotFound:
    return NotFound(
        f"There is no file {file_id}: it never was, was deleted, or has expired.",
        status=error.status,
        code=error.code,
        request_id=error.request_id,
        body=error.body,
        hint="grok.files() lists what there is.",
    )


def _unusable(why: str) -> ServerFault:
    return ServerFault(
        f"No usable answer (200): {why}.",
        status=200,
        hint="Something between here and xAI answered: check base_url and proxies.",
    )

"""What a user attaches -> parts of a message.

By what it holds, not by what it is called: pictures become ``image_url`` parts, text
becomes text parts that show its name. Nothing here loads an imaging, plotting or array
library; objects of one that is loaded are recognised.
"""

from __future__ import annotations

import io
import os
import re
import reprlib
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from grok_nb import pictures
from grok_nb.errors import BadRequest, MissingExtra

#: Bytes of one picture, and of one text. Source: xai-api.md section 3.2 (docs of 2026-05).
LARGEST = 20 * 1024 * 1024
DETAILS = ("auto", "low", "high")
_PDF = b"%PDF-"
_SENDABLE = ("image/png", "image/jpeg")
_LONGEST_PATH = 4096
_PICTURE_NAME = re.compile(
    r"\.(png|jpe?g|gif|webp|bmp|tiff?|avif|hei[cf]|ico)$", re.IGNORECASE
)
#: Of an address, which nobody here reads: the server fetches it.
_DOCUMENT_NAME = re.compile(
    r"\.(pdf|txt|md|rst|csv|tsv|jsonl?|html?|xml|ya?ml|tex|py|ipynb|docx?|xlsx?|pptx?)$",
    re.IGNORECASE,
)
_KINDS = (
    "a path, an http(s) URL, a data URI, bytes, a PIL image, a matplotlib figure, a "
    "numpy array (height x width x 3 or 4), or anything with _repr_png_"
)


def parts(attach: Any, *, detail: str | None = None) -> list[dict[str, Any]]:
    """Return the parts of a message for one attachment, or a list of them.

    Parameters
    ----------
    attach
        Each a path, an http(s) URL (the server fetches it; by its ending a document,
        else a picture), a data URI, bytes (of a PDF: its text is sent), a PIL image,
        a matplotlib figure, a numpy array (height x width x 3 or 4: uint8, or
        float from 0 to 1), anything with ``_repr_png_`` or ``_repr_jpeg_``, or a part
        as the API takes it (a dict with ``type``).
    detail
        How closely pictures are looked at: ``"auto"``, ``"low"``, ``"high"``.

    Raises
    ------
    BadRequest
        Something cannot be sent; the message names it. Nothing was sent.
    MissingExtra
        A picture is neither PNG nor JPEG, and Pillow, which converts it, is missing.

    Notes
    -----
    Source: xai-api.md section 3.2.
    """
    asked: object = detail
    if asked is not None and not (isinstance(asked, str) and asked in DETAILS):
        raise BadRequest(
            f"detail must be one of {', '.join(DETAILS)}, not {reprlib.repr(detail)}."
        )
    if attach is None:
        return []
    things = attach if isinstance(attach, (list, tuple)) else [attach]
    return [_part(thing, detail) for thing in things]


def picture_url(thing: Any, what: str = "image") -> str:
    """Return the URL or data URI under which the API can see a picture.

    Parameters
    ----------
    thing
        As for `parts`.
    what
        Its name where it has none of its own.

    Raises
    ------
    BadRequest, MissingExtra
        As `parts`; also where it is text.
    """
    if isinstance(thing, str) and _is_web(thing):
        return web_address(thing)
    name, data = _read(thing, what)
    found = _as_picture(name, data)
    if found is None:
        raise BadRequest(f"{name} is no picture.", hint="PNG and JPEG can be sent.")
    return found


def _part(thing: Any, detail: str | None) -> dict[str, Any]:
    if isinstance(thing, Mapping):
        if not isinstance(thing.get("type"), str):
            raise BadRequest(f"A dict cannot be attached; attach {_KINDS}.")
        return dict(thing)
    if isinstance(thing, str) and _is_web(thing):
        address = web_address(thing)
        if _DOCUMENT_NAME.search(urlsplit(address).path):
            return {"type": "file", "file": {"url": address}}
        return _image_part(address, detail)
    name, data = _read(thing, "attachment")
    if data.startswith(_PDF):
        return _text_part(name, _pdf_text(name, data))
    url = _as_picture(name, data)
    if url is not None:
        return _image_part(url, detail)
    return _text_part(name, _as_text(name, data))


def _text_part(name: str, text: str) -> dict[str, Any]:
    return {"type": "text", "text": f"--- {name} ---\n{text}"}


def _image_part(url: str, detail: str | None) -> dict[str, Any]:
    image = {"url": url} if detail is None else {"url": url, "detail": detail}
    return {"type": "image_url", "image_url": image}


# -- things -> bytes --------------------------------------------------------------


def _is_web(text: str) -> bool:
    return text[:8].lower().startswith(("http://", "https://"))


def web_address(text: str) -> str:
    """Return an http(s) URL as it is; `BadRequest` where it is none."""
    try:
        host = urlsplit(text).hostname
    except ValueError:
        host = None
    if not host or not _is_web(text) or not text.isprintable() or " " in text:
        raise BadRequest(f"{reprlib.repr(text)} is no address that can be fetched.")
    return text


def _read(thing: Any, what: str) -> tuple[str, bytes]:
    """Return name and content of anything that is no URL."""
    if isinstance(thing, str) and thing[:5].lower() == "data:":
        return _from_data_uri(thing)
    if isinstance(thing, (str, os.PathLike)):
        return _from_path(os.fspath(thing))
    if isinstance(thing, (bytes, bytearray, memoryview)):
        return f"{what} ({len(thing):,} bytes)", bytes(thing)
    name = f"{what} ({type(thing).__name__})"
    try:
        return name, _drawn(name, thing)
    except (BadRequest, MissingExtra):
        raise
    except Exception as error:  # noqa: BLE001 - foreign code, which raises anything
        reason = f"{type(error).__name__}: {error}"
    raise BadRequest(f"{name} cannot be drawn: {reason}.")


def _drawn(name: str, thing: Any) -> bytes:
    """Return the picture that an object is, or makes of itself."""
    if (array := _array(thing)) is not None:
        return _from_array(name, array)
    if (image := sys.modules.get("PIL.Image")) and isinstance(thing, image.Image):
        return _png_of(thing)
    if hasattr(thing, "savefig"):
        buffer = io.BytesIO()
        thing.savefig(buffer, format="png", bbox_inches="tight")
        return buffer.getvalue()
    for method in ("_repr_png_", "_repr_jpeg_"):
        if (data := _shown_by(thing, method)) is not None:
            return data
    if callable(getattr(thing, "read", None)):
        content: object = thing.read()
        if isinstance(content, str):
            return content.encode()
        if isinstance(content, bytes):
            return content
    raise BadRequest(
        f"{type(thing).__name__} cannot be attached.", hint=_instead_of(thing)
    )


def _instead_of(thing: Any) -> str:
    """Return what to attach in place of a thing that cannot be."""
    if hasattr(thing, "to_csv"):
        return "Put its text into the prompt: df.to_csv() or df.to_markdown()."
    if hasattr(thing, "figure"):
        return "Attach its figure: ax.figure."
    return f"Attach {_KINDS}."


def _from_data_uri(text: str) -> tuple[str, bytes]:
    try:
        found = pictures.split_data_uri(text)
    except ValueError as error:
        raise BadRequest(f"The data URI {reprlib.repr(text)} holds {error}.") from None
    if found is None:
        raise BadRequest(f"{reprlib.repr(text)} is no data URI.")
    return f"the data URI ({found[0]})", found[1]


def _from_path(given: str | bytes) -> tuple[str, bytes]:
    text = os.fsdecode(given)
    if len(text) > _LONGEST_PATH or "\n" in text or "\0" in text or not text.strip():
        raise BadRequest(
            f"{reprlib.repr(text)} is no path.",
            hint="Text that is to be sent belongs into the prompt.",
        )
    try:
        path = Path(text).expanduser()
        if path.is_dir():
            raise BadRequest(
                f"{text} is a folder.", hint="Attach its files, as a list."
            )
        if not path.exists():
            raise BadRequest(
                f"There is no file {text}.",
                hint=f"The working folder is {Path.cwd()}.",
            )
        if not path.is_file():  # a pipe or device may never end
            raise BadRequest(f"{text} is no regular file.")
        size = path.stat().st_size
        if size > LARGEST:
            raise _too_large(text, size)
        return path.name, path.read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
    except RuntimeError as error:  # ~ of nobody
        reason = str(error).rstrip(".")
    raise BadRequest(f"{text} cannot be read: {reason}.")


def _shown_by(thing: Any, method: str) -> bytes | None:
    """Return what an object shows of itself in a notebook."""
    show = getattr(thing, method, None)
    if isinstance(thing, type) or not callable(show):
        return None
    shown = show()
    if isinstance(shown, tuple) and shown:  # with metadata
        shown = shown[0]
    if isinstance(shown, str):
        try:
            return pictures.from_base64(shown)
        except ValueError:
            return None
    return shown if isinstance(shown, bytes) else None


def _array(thing: Any) -> Any:
    numpy = sys.modules.get("numpy")
    return thing if numpy is not None and isinstance(thing, numpy.ndarray) else None


def _from_array(name: str, array: Any) -> bytes:
    shape, kind = array.shape, array.dtype.kind
    fits = len(shape) == 2 or (len(shape) == 3 and shape[2] in (3, 4))
    if not fits or 0 in shape:
        raise BadRequest(
            f"An array of shape {shape} is no picture.",
            hint="Height x width x 3 (RGB) or 4 (with opacity), or height x width.",
        )
    if kind == "f":
        if not bool(((array >= 0) & (array <= 1)).all()):  # nan fits neither
            raise BadRequest(
                f"{name} has values outside of 0 to 1.",
                hint="Divide by 255, or make it uint8: array.astype('uint8').",
            )
        array = (array * 255).round().astype("uint8")
    elif array.dtype != "uint8":
        raise BadRequest(
            f"An array of {array.dtype} is no picture.",
            hint="uint8 from 0 to 255, or float from 0 to 1.",
        )
    channels = 1 if len(shape) == 2 else shape[2]
    return pictures.to_png(array.tobytes(), shape[1], shape[0], channels)


# -- bytes -> parts ---------------------------------------------------------------


def _as_picture(name: str, data: bytes) -> str | None:
    """Return a data URI, or ``None`` where the bytes are no picture."""
    kind = pictures.mime_type_of(data)
    if data.startswith(_PDF):
        raise BadRequest(f"{name} is a PDF, no picture.")
    if kind is None:
        if _PICTURE_NAME.search(name):
            held = "nothing" if not data else "something else"
            raise BadRequest(f"{name} is called a picture, but holds {held}.")
        return None
    if len(data) > LARGEST:
        raise _too_large(name, len(data))
    if kind not in _SENDABLE:
        data, kind = _converted(name, data, kind), "image/png"
    look = pictures.look_at(data)
    if look is None or look.flaw:
        flaw = "it cannot be read" if look is None else look.flaw
        raise BadRequest(
            f"{name} is no whole picture: {flaw}.", hint="Save or download it again."
        )
    return pictures.to_data_uri(kind, data)


def _converted(name: str, data: bytes, kind: str) -> bytes:
    try:
        from PIL import Image
    except ImportError:
        raise MissingExtra(
            f"{name} is {kind}; only PNG and JPEG can be sent, and Pillow, which "
            "converts others, is not installed.",
            hint="pip install pillow",
        ) from None
    try:
        with Image.open(io.BytesIO(data)) as image:
            made = _png_of(image)
    except Exception as error:  # noqa: BLE001 - its decoders raise anything
        raise BadRequest(f"{name} ({kind}) cannot be read: {error}.") from None
    if len(made) > LARGEST:
        raise _too_large(f"{name}, as PNG,", len(made))
    return made


def _png_of(image: Any) -> bytes:
    if image.mode not in ("1", "L", "LA", "P", "RGB", "RGBA"):
        image = image.convert("RGB")
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()


def _pdf_text(name: str, data: bytes) -> str:
    """Return the text of a PDF, page by page."""
    if len(data) > LARGEST:
        raise _too_large(name, len(data))
    try:
        import pypdf
    except ImportError:
        raise MissingExtra(
            f"{name} is a PDF, and pypdf, which reads its text, is not installed.",
            hint="pip install 'grok-nb[pdf]'",
        ) from None
    try:
        with warnings.catch_warnings(action="ignore"):
            reader = pypdf.PdfReader(io.BytesIO(data))
            pages = [page.extract_text().strip() for page in reader.pages]
    except Exception as error:  # noqa: BLE001 - damaged files raise anything
        locked = "encrypted" in str(error) or "decrypted" in str(error)
        reason = "it needs a password" if locked else f"{error}".rstrip(".")
        raise BadRequest(
            f"{name} cannot be read: {reason or type(error).__name__}.",
            hint="Save it again, or attach its text.",
        ) from None
    if not any(pages):
        raise BadRequest(
            f"{name} holds no text ({len(pages)} pages): it may be scanned.",
            hint="Attach its pages as pictures.",
        )
    return "\n\n".join(
        f"[page {number}]\n{text}" for number, text in enumerate(pages, 1) if text
    )


def _too_large(name: str, size: int) -> BadRequest:
    return BadRequest(
        f"{name} has {size / 1024 / 1024:.1f} MiB; at most 20 MiB can be attached.",
        hint="Make it smaller; a picture is looked at in tiles of 448 pixels anyway.",
    )


def _as_text(name: str, data: bytes) -> str:
    if len(data) > LARGEST:
        raise _too_large(name, len(data))
    is_wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        text = data.decode("utf-16" if is_wide else "utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise BadRequest(
            f"{name} is neither a picture nor text.",
            hint="PNG, JPEG and text (UTF-8) can be attached.",
        )
    if not text.strip():
        raise BadRequest(f"{name} is empty.")
    return text

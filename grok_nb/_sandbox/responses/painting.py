"""Pictures that a response draws, or draws on."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING

from grok_nb._sandbox.errors import ApiError
from grok_nb._sandbox.media import pictures, shapes
from grok_nb._sandbox.schemas import ImagePart

from .runs import Run, Said

if TYPE_CHECKING:
    from grok_nb._sandbox.desk import Desk

    from .rules import ResponseJob

_DRAW = re.compile(
    r"\b(?:draw|paint|sketch)\b|\b(?:generate|create|make)\b.{0,40}"
    r"\b(?:image|picture|photo)\b",
    re.IGNORECASE,
)
_NOTHING_GIVEN = "There is no picture to edit."


def is_wanted(text: str, action: str | None = None) -> bool:
    """Whether a text asks for a picture; with the action ``edit`` each does."""
    return action == "edit" or _DRAW.search(text) is not None


def painted(job: ResponseJob, action: str | None, desk: Desk) -> Run:
    """
    Draw what the last message asks for, as the image endpoints do.

    Parameters
    ----------
    job : ResponseJob
        What is answered.
    action : {"auto", "generate", "edit"} or None
        Whether pictures are drawn on; ``auto`` and None: where there are any, those of
        the last message, else the last one that was drawn before.
    desk : Desk
        Whose models and files.

    Returns
    -------
    Run
        Billed at the price of the image model; what cannot be drawn is a failed call.
    """
    prompt = job.question.text
    given = [] if action == "generate" else _given(job)
    request = shapes.DrawRequest(prompt=prompt)
    if given:
        images = [shapes.GivenImage(url=url) for url in given]
        request = shapes.EditRequest(prompt=prompt, images=images)
    elif action == "edit":
        return _run(prompt, None, _NOTHING_GIVEN)
    try:
        drawing = pictures.settle(request, desk)
        (picture,) = pictures.drawn(drawing)
    except ApiError as refusal:
        return _run(prompt, None, f"No picture was drawn: {refusal.text}")
    width, height = drawing.size
    told = f"I drew {drawing.plan.told()}: a JPEG of {width} x {height} pixels."
    return _run(prompt, picture, told, drawing.ticks)


def _given(job: ResponseJob) -> list[str]:
    """Give the addresses of what may be drawn on."""
    asked = [m for m in job.chat.request.messages if m.role == "user"]
    content = asked[-1].content if asked else None
    attached = [
        part.image_url.url
        for part in (content if isinstance(content, list) else ())
        if isinstance(part, ImagePart)
    ]
    before = [
        f"data:image/jpeg;base64,{item['result']}"
        for item in job.items
        if item["type"] == "image_generation_call" and item.get("result")
    ]
    return attached or before[-1:]


def _run(prompt: str, picture: bytes | None, told: str, ticks: int = 0) -> Run:
    result = None if picture is None else base64.b64encode(picture).decode()
    return Run(
        {
            "type": "image_generation_call",
            "status": "failed" if result is None else "completed",
            "prompt": prompt,
            "result": result,
        },
        "ig",
        spoken=prompt,
        counts={} if result is None else {"image_generation_calls": 1},
        said=(Said(told),),
        thought="I draw the picture.",
        ticks=ticks,
    )

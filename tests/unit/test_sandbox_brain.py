"""What the sandbox answers: arithmetic, counts, repeats, the echo, and tokens."""

from __future__ import annotations

import base64
import itertools
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grok_nb._sandbox import arithmetic, brain, images, tokens
from grok_nb._sandbox.brain import Question


def answer(text: str, **fields: object) -> str:
    return "".join(brain.reply(Question(text, **fields)).pieces)


def reasoning(text: str, effort: str | None) -> str:
    return brain.reply(Question(text, effort=effort)).reasoning


numbers = st.integers(0, 9999).map(str) | st.decimals(
    0, 999, allow_nan=False, places=2
).map(lambda value: f"{value:f}")


def _joined(children):
    signs = st.sampled_from(["+", "-", "*", "/", "//", "%"])
    pair = st.tuples(children, signs, children)
    return (
        pair.map(lambda p: f"({p[0]}){p[1]}({p[2]})")
        | pair.map(" ".join)
        | children.map(lambda child: f"-({child})")
        | st.tuples(children, st.integers(0, 4)).map(lambda p: f"({p[0]})**{p[1]}")
    )


expressions = st.recursive(numbers, _joined, max_leaves=8)


def python_value(expression: str) -> Fraction | None:
    """Work it out with Python itself, each number a fraction."""
    source = arithmetic._SYMBOL.sub(
        lambda m: f"Fraction('{m[1]}')" if m[1][0].isdigit() else m[1], expression
    )
    # Exponents were drawn as small integers.
    try:
        return Fraction(eval(source, {"Fraction": Fraction}))
    except ZeroDivisionError:
        return None


@given(expressions)
def test_arithmetic_agrees_with_python(expression: str) -> None:
    wanted = python_value(expression)
    found = arithmetic.find(expression)
    if found is None:
        # Nothing but one number, or nested too deep, or too long.
        assert not any(sign in expression for sign in "+*/%") or len(expression) > 40
    elif found.value is None:
        assert ("zero" in found.result) == (wanted is None)
    else:
        assert found.value == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("What is 101*3?", "[sandbox] 101*3 = 303"),
        ("what's 17 times 23", "[sandbox] 17 * 23 = 391"),
        ("5 plus 6", "[sandbox] 5 + 6 = 11"),
        ("Calculate (2 + 3) * 4 - 1/2.", "[sandbox] (2 + 3) * 4 - 1/2 = 19.5"),
        ("What is 10 divided by 4?", "[sandbox] 10 / 4 = 2.5"),
        ("What is 1/3?", "[sandbox] 1/3 ≈ 0.333333333333"),
        ("What is -2**2?", "[sandbox] -2**2 = -4"),
        ("What is 1,250 + 1?", "[sandbox] 1250 + 1 = 1251"),
        ("What is 0.1 + 0.2?", "[sandbox] 0.1 + 0.2 = 0.3"),
        ("What is 7 \u00d7 8?", "[sandbox] 7 * 8 = 56"),
        ("Compute -1/8", "[sandbox] -1/8 = -0.125"),
        ("What is 1/0?", "[sandbox] 1/0 has no value: it divides by zero."),
        ("What is 9**9**9?", "[sandbox] 9**9**9 is too large to write down here."),
        ("What is 2**-2?", "[sandbox] 2**-2 = 0.25"),
        ("What is 0**0?", "[sandbox] 0**0 = 1"),
        ("What is 17 % 5?", "[sandbox] 17 % 5 = 2"),
        ("101*3", "[sandbox] 101*3 = 303"),
    ],
)
def test_arithmetic_is_answered_with_the_number(text: str, wanted: str) -> None:
    assert answer(text) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "What is the meeting on 2026-09-21 about?",
        "Call 030 123-456 please",
        "What is 20% of it?",
        "The range is 10-12, is that fine",
        "What is " + "(" * 60 + "1+1" + ")" * 60,
        "What is 5 +",
        "hello",
    ],
)
def test_what_is_no_arithmetic_is_echoed(text: str) -> None:
    assert text in answer(text)


@given(st.text())
def test_every_text_gets_a_marked_answer(text: str) -> None:
    reply = answer(text)
    assert reply.startswith(brain.MARK) or brain.REPEAT in text
    assert reply == answer(text)


def test_counting_yields_every_number() -> None:
    reply = answer("Please count to 200").removeprefix("[sandbox] ")
    assert reply.split(", ") == [str(number) for number in range(1, 201)]
    assert answer("Count from 5 up to 7") == "[sandbox] 5, 6, 7"
    assert answer("Count to 999999999").endswith(", 20000")


def test_words_are_as_many_as_asked_for() -> None:
    reply = answer("Write 400 words about rivers")
    assert len(reply.split()) == 401
    assert reply == answer("Write 400 words about rivers")
    assert reply != answer("Write 400 words about lakes")


def test_lists_have_as_many_lines_as_asked_for() -> None:
    lines = answer("List 50 animals").splitlines()
    assert lines[0] == "[sandbox] 50 animals:"
    assert [line.split(".")[0] for line in lines[2:]] == [str(n) for n in range(1, 51)]


@pytest.mark.parametrize(
    "text", ["count slowly from 2 to 4", "Count up to 4", "Please count out loud to 4"]
)
def test_counting_takes_some_wordings(text: str) -> None:
    assert answer(text).endswith(" 2, 3, 4")


def test_orders_are_found_around_a_long_document() -> None:
    document = "lorem ipsum " * 50_000
    for text in (f"Write 9 words about {document}", f"{document}: write 9 words"):
        assert len(answer(text).split()) == 10
    assert answer(f"Repeat exactly: {document}") == document
    assert len(answer(document)) < 5_000


def test_counts_are_drawn_as_they_are_needed() -> None:
    pieces = brain.reply(Question("Count to 20000")).pieces
    assert list(itertools.islice(pieces, 2)) == ["[sandbox] 1", ", 2"]


@given(st.text(min_size=1))
def test_repeat_gives_the_text_byte_for_byte(text: str) -> None:
    assert answer(f"Please. Repeat exactly: {text}") == text
    assert answer(f"Repeat exactly:\n{text}") == text


def test_echo_shows_what_arrived() -> None:
    reply = answer(
        "line one\n<b>two</b>",
        system="Be terse.",
        roles=("system", "user"),
        notes=("Images: 1 (png 3x2)",),
    )
    for shown in (
        "no language model",
        "Messages: 2 (system, user)",
        "Images: 1 (png 3x2)",
        "System text: Be terse.",
        "line one\n<b>two</b>",
    ):
        assert shown in reply


def test_reasoning_grows_with_effort_and_names_the_expression() -> None:
    efforts = ["none", "low", "medium", "high", "xhigh"]
    lengths = [len(reasoning("What is 101*3?", effort)) for effort in efforts]
    assert lengths[0] == 0
    assert lengths == sorted(set(lengths))
    assert reasoning("What is 101*3?", None) == ""
    assert (
        reasoning("What is 101*3?", "low") == "The question holds the expression 101*3."
    )


def test_further_choices_say_their_number() -> None:
    question = Question("What is 1+1?")
    texts = ["".join(brain.reply(question, choice).pieces) for choice in range(3)]
    assert texts[0] == "[sandbox] 1+1 = 2"
    assert texts[1:] == [f"{texts[0]}\n\n(choice {n})" for n in (2, 3)]


@given(st.text())
def test_tokens_joined_are_the_text(text: str) -> None:
    parts = list(tokens.split(text))
    assert "".join(parts) == text
    assert len(parts) == tokens.count(text)
    assert all(1 <= len(part) <= 16 for part in parts)


@pytest.mark.parametrize(
    "text", ["Count to 1200", "Write 99 words", "List 12 things", "What is 2+2?"]
)
def test_tokens_of_the_pieces_are_the_tokens_of_the_whole(text: str) -> None:
    whole = answer(text)
    pieces = brain.reply(Question(text)).pieces
    parts = [token for piece in pieces for token in tokens.split(piece)]
    assert parts == list(tokens.split(whole))


@given(st.integers(0, 2_000_000))
def test_cached_tokens_are_whole_blocks_below_half(prompt: int) -> None:
    cached = tokens.cached(prompt)
    assert cached % 128 == 0
    assert 0 <= cached <= prompt // 2
    assert (cached > 0) == (prompt >= 256)


PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAMAAAACCAIAAAASFvFNAAAAEUlEQVR4nGNgYGD4DwUQCgAV9AP9"
)


def test_image_sizes_are_read_from_the_header() -> None:
    assert images.read_size(PNG) == images.Size("png", 3, 2)
    jpeg = bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffc0001108")
    jpeg += (600).to_bytes(2) + (900).to_bytes(2) + b"\x03"
    assert images.read_size(jpeg) == images.Size("jpeg", 900, 600)
    # Before a marker there may be filling.
    padded = jpeg.replace(b"\xff\xc0", b"\xff\xff\xff\xc0")
    assert images.read_size(padded) == images.Size("jpeg", 900, 600)


@given(st.binary())
def test_damaged_images_have_no_size(data: bytes) -> None:
    for start in (b"", b"\xff\xd8", b"\x89PNG\r\n\x1a\n"):
        size = images.read_size(start + data)
        assert size is None or size.width >= 0


def test_image_tokens_follow_the_tiles() -> None:
    small = images.Size("png", 3, 2)
    assert images.tokens_of(small) == 512
    assert images.tokens_of(small, "low") == 256
    assert images.tokens_of(None, "high") == 512
    assert images.tokens_of(images.Size("png", 449, 448)) == 768
    assert images.tokens_of(images.Size("png", 9000, 9000), "auto") == 1792
    wide = bytes.fromhex("ffd8ffc0001108") + (900).to_bytes(2) + (900).to_bytes(2)
    assert images.read_size(wide) == images.Size("jpeg", 900, 900)

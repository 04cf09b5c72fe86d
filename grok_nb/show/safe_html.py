"""Markdown that nobody vouches for, as HTML that runs nothing and loads nothing.

A front end trusts what a cell has just shown: raw HTML in it runs, pictures load,
and MathJax obeys macros. So each block passes two independent layers. The renderer
never emits raw HTML, turns pictures into links and hands MathJax nothing but
formulas without side effects; the cleaner then drops all that is not on its list.

The parser is imported at the first use, Pygments at the first coloured code.
"""

from __future__ import annotations

import functools
import html
import logging
import re
import time
from typing import TYPE_CHECKING, Any

import nh3

if TYPE_CHECKING:
    from collections.abc import Callable

    from markdown_it import MarkdownIt
    from markdown_it.rules_block import StateBlock
    from markdown_it.rules_core import StateCore
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token
    from pygments.lexer import Lexer

__all__ = ["Incremental", "escape_text", "safe_html", "safe_link"]

_log = logging.getLogger(__name__)

# Sizes in characters. Beyond them text is shown as it is, which takes linear time.
_LONGEST_TEXT = 400_000
_LONGEST_PARAGRAPH = 20_000
_LONGEST_COLOURED = 20_000
_LONGEST_TEX = 8_000
# The parser drops what is nested deeper without a word: such blocks are shown plain.
_DEEPEST = 20

# Controls and lone surrogates are invalid in HTML (the cleaner raises on the latter);
# the two overrides make text read otherwise than it is. Embeddings and isolates
# belong to honest right-to-left prose, but in code they can disguise what it does.
_UNSHOWABLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202d\u202e\ud800-\udfff\ufffe\uffff]"
)
_DISGUISE = re.compile("[\u202a-\u202e\u2066-\u2069]")

# One alternative per spelling. A formula holds no backtick, so that code wins; a
# backslash takes the next character along, as in TeX; `$` touches its formula, and
# neither "US$5" nor "$5 million or 6$" nor "$5 and $6" is one. "\[1, 2\]" is a
# citation with its brackets escaped.
_TEX = re.compile(
    r"\\\((?P<round>(?:[^\\`]|\\[^()`])++)\\\)"
    r"|\\\[(?![\d,; -]*\\\])(?P<square>(?:[^\\`]|\\[^\[\]`])++)\\\]"
    r"|\$\$(?P<double>(?:[^$\\`]|\\[^`]|\$(?!\$))++)\$\$"
    r"|(?<![0-9A-Za-z])\$(?![\s$]|\d[\d.,]*\s+[A-Za-z]{3})"
    r"(?P<single>(?:[^$\\`]|\\[^`])++)(?<!\s)\$(?!\d)"
)
_CLOSERS = {"$$": "$$", "\\[": "\\]"}
# What outlives its formula (macros, colours, options), or gives it links, styles,
# attributes or behaviour.
_TEX_WITH_EFFECTS = re.compile(
    r"\\(?:[egx]?def|let|futurelet|(?:re)?new(?:command|environment|tagform)"
    r"|providecommand|Declare[A-Za-z]*|Newextarrow|usetagform|mathtoolsset"
    r"|definecolor|require|setOptions|href|url|class|cssId|style|data|html[A-Z]\w*"
    r"|includegraphics|mmlToken|unicode|bbox|(?:eq)?ref|refeq|toggle|(?:math|text)tip"
    r"|csname|catcode|input|include)(?![A-Za-z])"
)
_LABEL = re.compile(r"\\label\s*\{[^{}]*\}")

# One match within such a run takes some lexers half a minute (C: 20 kB of blanks).
_LONG_RUN = re.compile(r"\s{200}|(.)\1{199}")
_LANGUAGE = re.compile(r"[\w+#.-]{1,30}", re.ASCII)

_TAGS = (
    "p br hr h1 h2 h3 h4 h5 h6 ul ol li strong em s code pre blockquote "
    "table thead tbody tr th td a div span"
)
_CLEANER_RULES: dict[str, Any] = {
    "tags": set(_TAGS.split()),
    "attributes": {
        "*": set(),  # else titles and languages pass
        "a": {"href"},
        "ol": {"start"},
        "th": {"style"},
        "td": {"style"},
    },
    "filter_style_properties": {"text-align"},
    "set_tag_attribute_values": {"a": {"target": "_blank"}},
    "link_rel": "noopener noreferrer nofollow",
    "url_schemes": {"http", "https", "mailto"},
    "url_relative": "deny",
}


def escape_text(text: str) -> str:
    """Escape text for use as the content of an HTML element.

    Besides HTML this defuses TeX: MathJax reads the text of a page and would typeset
    what lies between two prices.

    Parameters
    ----------
    text
        Any text, also with control characters and lone surrogates.

    Returns
    -------
    str
        HTML that shows the text. Not for attribute values: it may hold ``<span>``.

    Examples
    --------
    >>> escape_text("<b> for $5")
    '&lt;b&gt; for <span>$</span>5'
    """
    # MathJax never looks for a delimiter across the edge of an element. Every
    # backslash counts: \(, \[, \begin, \ref, \$ and \\ all mean something to it.
    escaped = html.escape(_showable(text))
    return re.sub(r"[$\\]", r"<span>\g<0></span>", escaped)


def safe_link(address: str, label: str) -> str:
    """Return a link as `safe_html` makes them; just its label where it may be none.

    Parameters
    ----------
    address
        Any text; http, https and mailto become links.
    label
        Any text.

    Returns
    -------
    str
        HTML.

    Examples
    --------
    >>> safe_link("javascript:alert(1)", "<b>")
    '&lt;b&gt;'
    """
    shown, parser = escape_text(label), _parser()
    address = parser.normalizeLink(_showable(address)).replace("'", "%27")
    if not parser.validateLink(address):
        return shown
    return _cleaner().clean(f'<a href="{html.escape(address)}">{shown}</a>')


def safe_html(markdown: str) -> str:
    r"""Render untrusted Markdown to HTML that runs nothing and loads nothing.

    Raw HTML is shown as text, pictures become links, links are limited to http,
    https and mailto. TeX in its four spellings (``$..$``, ``$$..$$``, ``\(..\)``,
    ``\[..\]``) is left to the front end; with macros, links or styles it is shown
    as code.

    Parameters
    ----------
    markdown
        The text. Over 400,000 characters it is shown without formatting.

    Returns
    -------
    str
        HTML for an output of type ``text/html``. Never raises.

    Examples
    --------
    >>> safe_html("**5** < 6")
    '<p><strong>5</strong> &lt; 6</p>\n'
    """
    return "".join(block for _, block in _blocks(_showable(markdown), {}))


def first_code(markdown: str) -> tuple[str, str] | None:
    """Return language and content of the first fenced block; ``None`` without one."""
    if len(markdown) > _LONGEST_TEXT:
        return None
    try:
        tokens = _parser().parse(markdown)
    except Exception:  # noqa: BLE001 - whatever a parser trips over
        _log.debug("looked for code in vain", exc_info=True)
        return None
    for token in tokens:
        if token.type == "fence":
            language = _LANGUAGE.match(token.info.strip())
            return (language[0] if language else ""), str(token.content)
    return None


class Incremental:
    r"""Render a growing text, each finished block once.

    A top-level block is finished when a later one has begun behind a blank line:
    then nothing that follows can change it, except the definition of a reference
    link. Without such definitions the HTML is always that of `safe_html`.

    Examples
    --------
    >>> stream = Incremental()
    >>> stream.split("One *two*\n\nThr")
    ([], '<p>One <em>two</em></p>\n<p>Thr</p>\n')
    >>> stream.split("One *two*\n\nThree\nfour")
    (['<p>One <em>two</em></p>\n'], '<p>Three\nfour</p>\n')
    """

    def __init__(self) -> None:
        self._done = ""  # the source of the finished blocks
        self._finished: list[str] = []
        self._references: dict[str, Any] = {}
        self._refers = False

    @property
    def finished(self) -> int:
        """Number of finished blocks; never shrinks while the text grows."""
        return len(self._finished)

    def split(self, text: str) -> tuple[list[str], str]:
        """Render the text as finished blocks and a tail that may still change.

        Parameters
        ----------
        text
            All of the text so far. If it does not continue the text of the call
            before, everything is rendered anew.

        Returns
        -------
        tuple of list of str and str
            HTML of the finished blocks, from the first, and HTML of the tail.
        """
        source = _showable(text)
        if not source.startswith(self._done):
            self._done, self._finished, self._references = "", [], {}
        tail = source[len(self._done) :]
        if len(source) > _LONGEST_TEXT:
            return list(self._finished), _plain(tail)
        references = dict(self._references)
        blocks = _blocks(tail, references)
        self._refers = self._refers or bool(references)
        # The last line has no end yet: what it begins may still become a part of the
        # block before it, as "1" of a list does when it becomes "1. item".
        lines = tail.split("\n")[:-1]
        cut, cut_line = 0, 0
        for index, (line, _) in enumerate(blocks):
            if 0 < line < len(lines) and not lines[line - 1].strip(" \t"):
                cut, cut_line = index, line
        self._done += "".join(line + "\n" for line in lines[:cut_line])
        self._finished += [block for _, block in blocks[:cut]]
        self._references |= {
            label: reference
            for label, reference in references.items()
            if reference["map"][1] <= cut_line and label not in self._references
        }
        return list(self._finished), "".join(block for _, block in blocks[cut:])

    def html(self, text: str) -> str:
        """Render all of the text so far.

        Parameters
        ----------
        text
            All of the text so far, as in `split`.

        Returns
        -------
        str
            HTML of the whole text.
        """
        if len(text) > _LONGEST_TEXT:
            return safe_html(text)
        finished, tail = self.split(text)
        return "".join(finished) + tail

    def whole(self, text: str) -> str:
        """Render the text now that it is whole: as `safe_html` does.

        Only the definition of a reference link can change a finished block.
        """
        rendered = self.html(text)
        return safe_html(text) if self._refers else rendered


def _showable(text: str) -> str:
    """Make line ends uniform and replace what must not reach a page."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _UNSHOWABLE.sub("\ufffd", text)


def _plain(text: str) -> str:
    return f"<pre>{html.escape(text)}</pre>\n"


def _blocks(source: str, references: dict[str, Any]) -> list[tuple[int, str]]:
    """Render to the first line and the HTML of each top-level block.

    Definitions of reference links are taken from `references` and added to it.
    """
    if len(source) > _LONGEST_TEXT:
        return [(0, _plain(source))]
    blocks: list[tuple[int, str]] = []
    try:
        parser, lines = _parser(), source.split("\n")
        env: dict[str, Any] = {"references": references}
        tokens, begin = parser.parse(source, env), 0
        for end, token in enumerate(tokens, 1):
            if token.level or token.nesting == 1:
                continue
            block, begin = tokens[begin:end], end
            first, last = block[0].map or (0, 0)
            if any(part.level >= _DEEPEST - 1 for part in block):
                rendered = _plain("\n".join(lines[first:last]))
            else:
                rendered = parser.renderer.render(block, parser.options, env)
            blocks.append((first, _cleaner().clean(rendered)))
    except Exception:  # noqa: BLE001 - whatever a parser trips over, show the text
        _log.debug("shown without formatting", exc_info=True)
        return [(0, _plain(source))]
    return blocks


@functools.cache
def _cleaner() -> nh3.Cleaner:
    from pygments.token import STANDARD_TYPES

    classes = {"div": {"highlight"}, "span": set(STANDARD_TYPES.values())}
    return nh3.Cleaner(allowed_classes=classes, **_CLEANER_RULES)


@functools.cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    class Parser(MarkdownIt):
        def validateLink(self, url: str) -> bool:  # noqa: N802 - the parser's name
            return url.lower().startswith(("http:", "https:", "mailto:"))

    parser = Parser("commonmark", {"html": False, "maxNesting": _DEEPEST})
    parser.enable(["table", "strikethrough"]).disable(["html_block", "html_inline"])
    parser.core.ruler.at("inline", _parse_paragraphs)
    parser.inline.ruler.before("escape", "tex", _parse_tex)
    parser.block.ruler.before(
        "fence",
        "tex_block",
        _parse_tex_block,
        {"alt": ["paragraph", "reference", "blockquote", "list"]},
    )
    for name, render in _RENDER.items():
        parser.add_render_rule(name, _rule(render))
    # Rules are compiled at the first use, and two threads must not do that at once.
    parser.parse("*")
    return parser


def _rule(render: Callable[[Token], str]) -> Callable[..., str]:
    return lambda _, tokens, index, *__: render(tokens[index])


def _parse_paragraphs(state: StateCore) -> None:
    from markdown_it.token import Token

    for token in state.tokens:
        if token.type != "inline":
            continue
        text, token.children = token.content, []
        # Each bracket may open a link, and is tried at every level of nesting.
        if len(text) > _LONGEST_PARAGRAPH or text.count("[") > 20 + len(text) // 10:
            token.children.append(Token("text", "", 0, content=text))
            continue
        state.md.inline.parse(text, state.md, state.env, token.children)
        links = 0
        for child in token.children:
            links += child.nesting if child.tag == "a" else 0
            if child.type == "image":
                child.meta["in_link"] = links > 0


def _parse_tex(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 - a parser rule
    if state.src[state.pos] not in "$\\":
        return False
    found = _TEX.match(state.src, state.pos, state.posMax)
    if found is None:
        return False
    if not silent:
        _push_tex(state, found)
    state.pos = found.end()
    return True


def _parse_tex_block(state: StateBlock, start: int, end: int, silent: bool) -> bool:  # noqa: FBT001 - a parser rule
    """Parse display TeX that fills whole lines, without a blank one.

    Inside, a line that begins with "-", "+", ">" or "=" is no Markdown.
    """
    begin = state.bMarks[start] + state.tShift[start]
    opener = state.src[begin : begin + 2]
    if opener not in _CLOSERS or state.is_code_block(start):
        return False
    lines: list[str] = []
    for line in range(start, end):
        begin = state.bMarks[line] + state.tShift[line]
        lines.append(state.src[begin : state.eMarks[line]].strip())
        if not lines[-1] or state.sCount[line] < state.blkIndent:
            return False
        if lines[-1].endswith(_CLOSERS[opener]) and (lines[1:] or lines[0] != opener):
            break
        # A second opener means that the first was no TeX; giving up at it also keeps
        # the search linear.
        if lines[1:] and lines[-1].startswith(opener):
            return False
    found = _TEX.fullmatch("\n".join(lines))
    if found and not silent:
        state.line = start + len(lines)
        _push_tex(state, found).map = [start, state.line]
    return found is not None


def _push_tex(state: StateBlock | StateInline, found: re.Match[str]) -> Token:
    kind = "tex" if found.lastgroup in {"round", "single"} else "tex_display"
    token = state.push(kind, "", 0)
    token.content, token.markup = found[found.lastgroup or 0], found[0]
    return token


def _render_tex(token: Token) -> str:
    # A label that exists already, as at the second repaint, is an error to MathJax.
    tex = _LABEL.sub("", token.content).strip()
    # Each formula in an element of its own: if it lacks a brace, MathJax would look
    # for the end of it in the text that follows.
    element = "p" if token.map else "span"
    if len(tex) > _LONGEST_TEX or _TEX_WITH_EFFECTS.search(tex):
        shown = f"<code>{html.escape(token.markup)}</code>"
    elif token.type == "tex":
        shown = f"\\({html.escape(tex)}\\)"
    else:
        shown = f"\\[{html.escape(tex)}\\]"
    return f"<{element}>{shown}</{element}>"


def _render_image(token: Token) -> str:
    label = f"[image: {escape_text(token.content)}]" if token.content else "[image]"
    address = html.escape(str(token.attrs.get("src", "")))
    if not address or token.meta.get("in_link"):
        return label
    return f'<a href="{address}">{label}</a>'


def _render_code(token: Token) -> str:
    code = token.content
    language = _LANGUAGE.match(token.info.strip())
    first, last = token.map or (0, 0)
    code_lines = code.count("\n") + (not code.endswith("\n"))
    # A fence still open has no last line. Colouring it anew at each repaint of a
    # stream would cost more than all the rest.
    closed = last - first == code_lines + 2
    if language and closed and len(code) <= _LONGEST_COLOURED:
        body = _coloured(code, language[0])
    else:
        body = _escape_code(code)
    return f'<div class="highlight"><pre><code>{body}</code></pre></div>\n'


_RENDER: dict[str, Callable[[Token], str]] = {
    "text": lambda token: escape_text(token.content),
    "code_inline": lambda token: f"<code>{_escape_code(token.content)}</code>",
    "code_block": _render_code,
    "fence": _render_code,
    "image": _render_image,
    "tex": _render_tex,
    "tex_display": _render_tex,
}


def _escape_code(code: str) -> str:
    return html.escape(_DISGUISE.sub("\ufffd", code))


@functools.cache
def _css_class(kind: Any) -> str:
    from pygments.token import STANDARD_TYPES

    while kind not in STANDARD_TYPES:
        kind = kind.parent
    css_class = STANDARD_TYPES[kind]
    return "" if css_class == "w" else css_class  # nobody colours white space


@functools.lru_cache(maxsize=64)
def _lexer_class(language: str) -> type[Lexer] | None:
    from pygments.lexers import find_lexer_class_by_name
    from pygments.util import ClassNotFound

    try:
        return find_lexer_class_by_name(language)
    except ClassNotFound:
        return None


def _coloured(code: str, language: str) -> str:
    """Mark code up with the classes of Pygments, for which front ends bring colours."""
    lexer_class = _lexer_class(language)
    if lexer_class is None or _LONG_RUN.search(code):
        return _escape_code(code)
    lexer = lexer_class(stripnl=False, ensurenl=False)
    # Many lexers go quadratic on text made for it: 10 s for 20 kB. This is some 15
    # times what honest code takes; CPU time, so that a busy machine makes no difference.
    give_up = time.thread_time() + 0.05 + 25e-6 * len(code)
    parts: list[str] = []
    open_class = ""
    for kind, text in lexer.get_tokens(code):
        if time.thread_time() > give_up:
            return _escape_code(code)
        css_class = _css_class(kind)
        if css_class != open_class:
            parts.append("</span>" if open_class else "")
            parts.append(f'<span class="{css_class}">' if css_class else "")
            open_class = css_class
        parts.append(_escape_code(text))
    return "".join(parts) + ("</span>" if open_class else "")

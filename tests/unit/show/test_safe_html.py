import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from grok_nb.show.safe_html import Incremental, escape_text, safe_html

from .hostile import FRAGMENTS, document
from .strict import violations

LINK = 'target="_blank" rel="noopener noreferrer nofollow"'


def one_line(html: str) -> str:
    return html.replace("\n", "")


@pytest.mark.parametrize(
    ("markdown", "html"),
    [
        ("", ""),
        (
            "a *b* **c** `d` ~~e~~",
            "<p>a <em>b</em> <strong>c</strong> <code>d</code> <s>e</s></p>",
        ),
        ("# a\n\nb\n=\n\n---", "<h1>a</h1><h1>b</h1><hr>"),
        ("a  \nb", "<p>a<br>b</p>"),
        (
            "- a\n  - b\n\n7. c",
            '<ul><li>a<ul><li>b</li></ul></li></ul><ol start="7"><li>c</li></ol>',
        ),
        ("> a\nb", "<blockquote><p>ab</p></blockquote>"),
        (
            "|a|b|c|\n|:-|:-:|-:|\n|1|2|3|",
            (
                '<table><thead><tr><th style="text-align:left">a</th>'
                '<th style="text-align:center">b</th>'
                '<th style="text-align:right">c</th></tr></thead>'
                '<tbody><tr><td style="text-align:left">1</td>'
                '<td style="text-align:center">2</td>'
                '<td style="text-align:right">3</td></tr></tbody></table>'
            ),
        ),
        ("~5 and ~6", "<p>~5 and ~6</p>"),
        # links
        (
            "[a](https://x.example/?a=1&b 't')",
            f'<p><a href="https://x.example/?a=1&amp;b" {LINK}>a</a></p>',
        ),
        (
            "<https://x.example>",
            f'<p><a href="https://x.example" {LINK}>https://x.example</a></p>',
        ),
        (
            "<a@b.example>",
            f'<p><a href="mailto:a@b.example" {LINK}>a@b.example</a></p>',
        ),
        ("[a](javascript:x) [b](c.ipynb)", "<p>[a](javascript:x) [b](c.ipynb)</p>"),
        (
            "[a](data:text/html,x) [b](file:///x)",
            "<p>[a](data:text/html,x) [b](file:///x)</p>",
        ),
        # pictures
        (
            "![a < b](http://x.example/p.png)",
            f'<p><a href="http://x.example/p.png" {LINK}>[image: a &lt; b]</a></p>',
        ),
        (
            "![](http://x.example/p.png)",
            f'<p><a href="http://x.example/p.png" {LINK}>[image]</a></p>',
        ),
        (
            "[![a](http://x.example/p)](http://y.example)",
            f'<p><a href="http://y.example" {LINK}>[image: a]</a></p>',
        ),
        ("![a](data:image/png;base64,AA)", "<p>![a](data:image/png;base64,AA)</p>"),
        # raw HTML is text
        ("<b onclick='x'>a</b>", "<p>&lt;b onclick='x'&gt;a&lt;/b&gt;</p>"),
        ("<div>\n\n<!-- a -->", "<p>&lt;div&gt;</p><p>&lt;!-- a --&gt;</p>"),
        # code
        ("    a < b", '<div class="highlight"><pre><code>a &lt; b</code></pre></div>'),
        (
            "```\n<b>$x$\\(y\\)\n```",
            '<div class="highlight"><pre><code>&lt;b&gt;$x$\\(y\\)</code></pre></div>',
        ),
        (
            "```nosuchlanguage\na",
            '<div class="highlight"><pre><code>a</code></pre></div>',
        ),
        (
            "```json\n[1]\n```",
            '<div class="highlight"><pre><code><span class="p">[</span><span class="mi">1</span><span class="p">]</span></code></pre></div>',
        ),
        # TeX
        (
            "$x^2$ and $a<b$.",
            r"<p><span>\(x^2\)</span> and <span>\(a&lt;b\)</span>.</p>",
        ),
        (r"\(x_1*y*z_1\)", r"<p><span>\(x_1*y*z_1\)</span></p>"),
        ("\\(a\n+b\\)", "<p><span>\\(a+b\\)</span></p>"),
        ("$$x$$", r"<p>\[x\]</p>"),
        (r"\[x\]", r"<p>\[x\]</p>"),
        (r"so \[x\] and $$y$$", r"<p>so <span>\[x\]</span> and <span>\[y\]</span></p>"),
        ("so\n\\[\na\n- b\n= c\n\\]\nthen", r"<p>so</p><p>\[a- b= c\]</p><p>then</p>"),
        ("$$\na\n> b\n$$", r"<p>\[a&gt; b\]</p>"),
        ("- a\n  $$\n  b\n  + c\n  $$", r"<ul><li>a<p>\[b+ c\]</p></li></ul>"),
        ("> \\[\n> a\n> \\]", r"<blockquote><p>\[a\]</p></blockquote>"),
        (
            r"| $a$ | \(b\) |" + "\n|-|-|",
            r"<table><thead><tr><th><span>\(a\)</span></th><th><span>\(b\)</span></th></tr></thead></table>",
        ),
        (r"$x \label{e}\tag{1}$", r"<p><span>\(x \tag{1}\)</span></p>"),
        (
            "$n$th, $k$-th, **$z$**",
            r"<p><span>\(n\)</span>th, <span>\(k\)</span>-th, <strong><span>\(z\)</span></strong></p>",
        ),
        (
            r"[a $x$](http://x.example)",
            rf'<p><a href="http://x.example" {LINK}>a <span>\(x\)</span></a></p>',
        ),
        # TeX that is none
        ("`$x$` `\\(y\\)`", r"<p><code>$x$</code> <code>\(y\)</code></p>"),
        ("costs $5 for `$HOME`", "<p>costs <span>$</span>5 for <code>$HOME</code></p>"),
        (r"\$x\$", "<p><span>$</span>x<span>$</span></p>"),
        (r"\\(x\\)", r"<p><span>\</span>(x<span>\</span>)</p>"),
        (r"C:\Users", r"<p>C:<span>\</span>Users</p>"),
        (r"\[1\] and \[2, 3\]", "<p>[1] and [2, 3]</p>"),
        ("&#36;x&#36;", "<p><span>$</span>x<span>$</span></p>"),
        (
            r"\begin{align}x\end{align} \ref{a}",
            r"<p><span>\</span>begin{align}x<span>\</span>end{align} <span>\</span>ref{a}</p>",
        ),
        (
            "$$\na\n\nb\n$$",
            "<p><span>$</span><span>$</span>a</p><p>b<span>$</span><span>$</span></p>",
        ),
        # characters
        ("a\x00b\x1b[0m\ud800\uffff", "<p>a\ufffdb\ufffd[0m\ufffd\ufffd</p>"),
        ("a\u202eb &#x202e;", "<p>a\ufffdb \ufffd</p>"),
        ("\u05d0\u2067b\u2069", "<p>\u05d0\u2067b\u2069</p>"),
        ("`a\u2067b`", "<p><code>a\ufffdb</code></p>"),
        ("a\r\nb\rc", "<p>abc</p>"),
    ],
)
def test_markdown_renders_to(markdown, html):
    assert one_line(safe_html(markdown)) == html
    assert violations(safe_html(markdown)) == []


@pytest.mark.parametrize(
    "text",
    [
        "costs $5 and $6",
        "between $5-$6, US$7 and 8$",
        "$5 million against 6$",
        "$1,000 and $2,000.50 (or CA$3)",
        "1$ and 2$",
        "$ a $",
        "$HOME and $PATH",
        "$$",
        "$",
    ],
)
def test_money_is_no_tex(text):
    assert "\\(" not in safe_html(text)
    assert "\\[" not in safe_html(text)
    assert violations(safe_html(text)) == []


@pytest.mark.parametrize(
    "tex",
    [
        r"\def\a{b}",
        r"\gdef\a{b}",
        r"\let\a=b",
        r"\newcommand{\a}{b}",
        r"\renewcommand{\a}{b}",
        r"\DeclareMathOperator{\a}{b}",
        r"\DeclarePairedDelimiterX\a{b}",
        r"\newenvironment{a}{b}{c}",
        r"\Newextarrow{\a}{1}{1}",
        r"\definecolor{red}{rgb}{0,0,0}",
        r"\require{html}",
        r"\href{http://x.example}{a}",
        r"\href1{a}",
        r"\def_",
        r"\url{x}",
        r"\style{color:red}{a}",
        r"\class{a}{b}",
        r"\cssId{a}{b}",
        r"\data{a}{b}",
        r"\htmlClass{a}{b}",
        r'\mmlToken{mi}[href="javascript:x"]{a}',
        r"\unicode[serif]{65}",
        r"\bbox[border:1px]{a}",
        r"\includegraphics{a}",
        r"\eqref{a}",
        r"\text{\href{http://x.example}{a}}",
        "x" * 9_000,
    ],
)
@pytest.mark.parametrize("form", ["${}$", "\\({}\\)", "a $${}$$", "\\[\n{}\n\\]"])
def test_tex_with_effects_is_code(tex, form):
    html = safe_html(form.replace("{}", tex))
    assert html.count("<code>") == 1
    assert "<span>\\(" not in html
    assert ">\\[" not in html.replace("<code>\\[", "")


@pytest.mark.parametrize(
    "tex",
    [
        r"\left( \frac{a}{b} \right)",
        r"\displaystyle\sum",
        r"\delta\leq\cdot",
        r"\text{if $x$ is}",
    ],
)
def test_harmless_tex_stays_tex(tex):
    assert one_line(safe_html(f"\\[{tex}\\]")) == f"<p>\\[{tex}\\]</p>"


def test_colours_only_what_is_short():
    assert '<span class="k">' in safe_html("```python\nif x: pass\n```")
    assert "<span" not in safe_html("```python\n" + "if x: pass\n" * 2_000 + "```")


@pytest.mark.parametrize(
    "code", [" " * 19_000, "a " * 9_500, "a\n" * 9_500, "'\\" * 9_000]
)
@pytest.mark.parametrize("language", ["c", "java", "csharp", "python", "ini"])
def test_code_made_for_slow_lexers_is_shown(code, language):
    html = safe_html(f"```{language}\n{code}\n```")
    assert html.startswith('<div class="highlight"><pre><code>')
    assert violations(html) == []


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ('<a href="x">\'&', "&lt;a href=&quot;x&quot;&gt;&#x27;&amp;"),
        ("$5 and $6", "<span>$</span>5 and <span>$</span>6"),
        (r"\(x\)", r"<span>\</span>(x<span>\</span>)"),
        ("a\ud800\x00\u202eb", "a\ufffd\ufffd\ufffdb"),
        ("two\nlines", "two\nlines"),
    ],
)
def test_escape_text_shows_the_text(text, html):
    assert escape_text(text) == html
    assert violations(html) == []


# Hostile documents


def test_hostile_documents_keep_to_the_list():
    bad = {
        seed: found
        for seed in range(2_000)
        if (found := violations(safe_html(document(seed))))
    }
    assert bad == {}


hostile = st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=5), max_size=30).map(
    "".join
)


@settings(deadline=None, max_examples=300)
@given(hostile)
def test_generated_hostile_documents_keep_to_the_list(markdown):
    assert violations(safe_html(markdown)) == []
    assert violations(f"<p>{escape_text(markdown)}</p>") == []


def test_judge_finds_what_plain_rendering_lets_through():
    unsafe = MarkdownIt("commonmark", {"html": True})
    caught = [bool(violations(unsafe.render(document(seed)))) for seed in range(200)]
    assert sum(caught) > 190


@pytest.mark.parametrize(
    "html",
    [
        "<script>x</script>",
        "<img src=x>",
        "<p onclick=x>a</p>",
        "<a href='javascript:x'>a</a>",
        "<a href='//x.example'>a</a>",
        "<div class='jp-Dialog'>a</div>",
        "<td style='position:fixed'>a</td>",
        "<p id=a>a</p>",
        "<!-- a -->",
        "<p>a",
        "<p>$5 and $6</p>",
        r"<p>\begin {a}</p>",
        r"<p>\(\href{a}{b}\)</p>",
        "<p>\u202e</p>",
    ],
)
def test_judge_finds(html):
    assert violations(html)


# Pathological documents: only that they end, with the text in them


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "unit",
    [
        "[",
        "![",
        "](",
        "[a](",
        "*",
        "**a ",
        "*a_ ",
        "~~a",
        "<",
        "&",
        "\\",
        "`",
        "$",
        "$$ a\n",
        "\\(",
        "\\[ a\n",
        "(",
        "{",
        "> ",
        ">",
        "- ",
        "- a\n",
        "1. ",
        "|",
        "||\n",
        "# ",
        "\t",
        "\n",
        "a\n=\n",
        "[a]: b\n",
        "\x00",
        "\ud800",
        "\u202e",
        "<http:",
        "```\n",
        "~~~\n",
    ],
)
def test_long_runs_end(unit):
    assert violations(safe_html(unit * (50_000 // len(unit)))) == []


@pytest.mark.timeout(60)
@pytest.mark.parametrize("unit", ["a", "[", "> ", "- a\n", "$x$ ", "```\n"])
def test_what_is_too_long_is_shown_plain(unit):
    text = unit * (1_000_000 // len(unit))
    html = safe_html(text)
    assert html.startswith("<pre>")
    assert Incremental().html(text) == html


def test_what_is_nested_too_deeply_is_shown_plain():
    html = safe_html("one\n\n" + ">" * 100_000 + "x\n\n*two*")
    assert html.startswith("<p>one</p>\n<pre>&gt;&gt;")
    assert html.endswith("x</pre>\n<p><em>two</em></p>\n")


def test_deep_list_loses_no_item():
    text = "".join("  " * depth + f"- item{depth}\n" for depth in range(50))
    assert all(f"item{depth}" in safe_html(text) for depth in range(50))


def test_full_stack_shows_the_text_plain():
    def deep(frames):
        return deep(frames - 1) if frames else safe_html("[a *b* c](http://x.example)")

    frame, depth = sys._getframe(), 0
    while frame:
        frame, depth = frame.f_back, depth + 1
    assert "a *b* c" in deep(sys.getrecursionlimit() - depth - 20)


def test_threads_get_the_same():
    texts = [document(seed) for seed in range(64)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(safe_html, texts)) == [safe_html(text) for text in texts]


def test_import_loads_no_parser():
    code = "import sys, grok_nb.show.safe_html; print([m for m in sys.modules if m.split('.')[0] in ('markdown_it', 'pygments')])"
    assert (
        subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
    )
    code = "import sys; from grok_nb.show.safe_html import safe_html; safe_html('```\\nx\\n```'); print('pygments.lexers' in sys.modules)"
    assert (
        subprocess.check_output([sys.executable, "-c", code], text=True).strip()
        == "False"
    )


# Streams

PIECES = [
    *("\n", "\n", "\n\n", "\n\n", "  \n", " ", "  ", "    ", "\t", "\r\n", "\r"),
    *(
        "words ",
        "more words\n",
        "a",
        "1",
        "1.",
        "1. ",
        "2) ",
        "- ",
        "-",
        "* ",
        "+ ",
        "> ",
        ">",
    ),
    *(
        "# ",
        "=",
        "===\n",
        "---\n",
        "***\n",
        "|",
        "| a | b |\n",
        "|---|:-:|\n",
        "| c | d |\n",
    ),
    *(
        "```",
        "```py\n",
        "x = 1\n",
        "~~~\n",
        "`",
        "``",
        "*",
        "**",
        "_",
        "~~",
        "[",
        "](http://x.example)",
        "![",
        "<https://x.example>",
    ),
    *(
        "$",
        "$$",
        "$$\n",
        "\\[",
        "\\[\n",
        "\\]",
        "\\]\n",
        "\\(",
        "\\)",
        "x^2",
        "\\",
        "&lt;",
        "<b>",
    ),
    *(
        "\n\nParagraph.\n\n",
        "\n- item\n",
        "\n  - nested\n",
        "\n\n  continued\n",
        "\n\n    code\n",
        "\n> quote\n",
        "\n\n1. one\n2. two\n",
        "\n\n\\[\na\n- b\n\\]\n\n",
        "\n```\ncode\n\nmore\n```\n",
    ),
]
markdown = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)


def check_stream(text, cuts):
    stream, known = Incremental(), []
    for cut in [*sorted(cuts), len(text)]:
        finished, tail = stream.split(text[:cut])
        assert finished[: len(known)] == known
        assert len(finished) == stream.finished
        assert (
            "".join(finished) + tail == safe_html(text[:cut]) == stream.html(text[:cut])
        )
        known = finished
    assert len(text) == 0 or stream.html(text) == safe_html(text)


@settings(deadline=None, max_examples=500)
@given(markdown, st.data())
def test_stream_equals_whole(text, data):
    check_stream(text, data.draw(st.lists(st.integers(0, len(text)), max_size=10)))


@settings(deadline=None, max_examples=60)
@given(markdown)
def test_stream_by_character_equals_whole(text):
    check_stream(text, range(len(text)))


def test_hostile_streams_equal_whole():
    for seed in range(300):
        text = document(seed)
        if "]:" not in text:  # definitions of reference links
            cuts = random.Random(seed).choices(range(len(text) + 1), k=10)
            check_stream(text, cuts)


@pytest.mark.parametrize(
    ("text", "finished", "tail"),
    [
        ("one\n\ntwo", 0, "<p>one</p><p>two</p>"),
        ("one\n\ntwo\n", 1, "<p>two</p>"),
        ("- a\n\n1", 0, "<ul><li>a</li></ul><p>1</p>"),
        ("- a\n\n- b\n", 0, "<ul><li><p>a</p></li><li><p>b</p></li></ul>"),
        (
            "a\n\n```\nb\n\nc",
            1,
            '<div class="highlight"><pre><code>bc</code></pre></div>',
        ),
        ("a\n\n\\[\nb\n- c\n", 1, "<p>[b</p><ul><li>c</li></ul>"),
        ("a\n\n$$\nb\n- c\n$$", 1, r"<p>\[b- c\]</p>"),
        ("a\n\nb $x", 0, "<p>a</p><p>b <span>$</span>x</p>"),
    ],
)
def test_split_finishes_blocks(text, finished, tail):
    blocks, rest = Incremental().split(text)
    assert len(blocks) == finished
    assert one_line(rest) == tail


def test_stream_remembers_reference_links():
    text = "[a]: http://x.example\n\nSee [a].\n\n[a]: http://y.example\n\nSee [a].\n"
    stream = Incremental()
    for cut in range(len(text) + 1):
        html = stream.html(text[:cut])
    assert html == safe_html(text)
    assert html.count('href="http://x.example"') == 2


def test_stream_starts_over_when_the_text_does_not_continue():
    stream = Incremental()
    assert len(stream.split("one\n\ntwo\n\nthree\n")[0]) == 2
    assert stream.html("other\n\ntext\n") == safe_html("other\n\ntext\n")
    assert stream.finished == 1

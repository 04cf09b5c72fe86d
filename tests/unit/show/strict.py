"""An independent judge of HTML: what an output may hold, read with `html.parser`."""

import re
from html.parser import HTMLParser

TAGS = {
    *("p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li"),
    *("strong", "em", "s", "code", "pre", "blockquote", "a", "div", "span"),
    *("table", "thead", "tbody", "tr", "th", "td"),
}
VOID = {"br", "hr"}
ATTRIBUTES = {
    ("a", "href"): re.compile(
        r"(?:https?://?|mailto:)[^\x00-\x20\"'<>]*", re.IGNORECASE
    ),
    ("a", "target"): re.compile("_blank"),
    ("a", "rel"): re.compile("noopener noreferrer nofollow"),
    ("ol", "start"): re.compile(r"\d{1,9}"),
    ("th", "style"): re.compile("text-align:(left|right|center)"),
    ("td", "style"): re.compile("text-align:(left|right|center)"),
    ("div", "class"): re.compile("highlight"),
    ("span", "class"): re.compile("[a-z][a-z0-9]{0,3}"),
}
FORBIDDEN_TEXT = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202d\u202e\ud800-\udfff\ufffe\uffff]"
)
# What MathJax begins to read at, as the front ends set it up.
DELIMITER = re.compile(r"\$|\\[(\[$\\]|\\begin\s*\{|\\(?:eq)?ref\s*\{")
FORMULA = re.compile(r"\\\((?s:.*)\\\)|\\\[(?s:.*)\\\]")
EFFECT = re.compile(
    r"\\(def|href|style|class|cssId|require|unicode|includegraphics|mmlToken"
    r"|newcommand|let|label|ref)(?![a-zA-Z])"
)


class Judge(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self.open: list[str] = []
        self.run = ""

    def handle_starttag(self, tag, attrs):
        self.end_run()
        if tag not in TAGS:
            self.found.append(f"tag {tag}")
        names = [name for name, _ in attrs]
        if len(set(names)) != len(names):
            self.found.append(f"repeated attribute on {tag}")
        for name, value in attrs:
            allowed = ATTRIBUTES.get((tag, name))
            if allowed is None or value is None or not allowed.fullmatch(value):
                self.found.append(f"attribute {tag}.{name}={value!r}")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag):
        self.end_run()
        if not self.open or self.open.pop() != tag:
            self.found.append(f"unbalanced {tag}")

    def handle_data(self, data):
        self.run += data

    def handle_comment(self, data):
        self.found.append("comment")

    def handle_decl(self, decl):
        self.found.append("declaration")

    def unknown_decl(self, data):
        self.found.append("declaration")

    def handle_pi(self, data):
        self.found.append("instruction")

    def end_run(self) -> None:
        """Look at the text between two tags: MathJax reads no further than that."""
        run, self.run = self.run, ""
        if FORBIDDEN_TEXT.search(run):
            self.found.append(f"character in {run!r}")
        if {"pre", "code"} & set(self.open) or run in {"$", "\\"}:
            return
        if FORMULA.fullmatch(run):
            if EFFECT.search(run):
                self.found.append(f"effect in {run!r}")
        elif DELIMITER.search(run) or run.endswith("\\"):
            self.found.append(f"delimiter in {run!r}")


def violations(html: str) -> list[str]:
    judge = Judge()
    judge.feed(html)
    judge.close()
    judge.end_run()
    if judge.open:
        judge.found.append(f"left open: {judge.open}")
    return judge.found

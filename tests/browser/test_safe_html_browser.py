"""What is proved on paper elsewhere, seen in a browser: outputs of a cell that has
just been run are trusted, so whatever got through would run."""

import shutil
from pathlib import Path

import pytest

HOSTILE = Path(__file__).parents[1] / "unit" / "show" / "hostile.py"
PER_CELL = 40  # an output area shows 50 outputs by default

IMPORTS = """
from IPython.display import Markdown, display
from hostile import document
from grok_nb.show.safe_html import Incremental, escape_text, safe_html

def show(html):
    display({"text/html": html, "text/plain": ""}, raw=True)
"""
SHOW = "for seed in range({0}, {1}): show(safe_html(document(seed)))"

# Everything in the outputs that MathJax did not make. A handler may sit anywhere.
INSPECT = """
index => {
    const area = document.querySelectorAll('.jp-Notebook .jp-Cell')[index]
        .querySelector('.jp-OutputArea');
    const allowed = new Set(('P BR HR H1 H2 H3 H4 H5 H6 UL OL LI STRONG EM S CODE PRE '
        + 'BLOCKQUOTE TABLE THEAD TBODY TR TH TD A DIV SPAN').split(' '));
    const found = [];
    const rendered = area.querySelectorAll('.jp-RenderedHTML');
    for (const output of rendered) for (const element of output.querySelectorAll('*')) {
        if (element.closest('mjx-container'))  {
            if (element.matches('a, [onclick], img, script, iframe')) {
                found.push('in a formula: ' + element.tagName);
            }
            continue;
        }
        if (!allowed.has(element.tagName)) found.push(element.tagName);
        for (const {name, value} of element.attributes) {
            if (/^on|^data-|^id$|^src/.test(name)) found.push(`${element.tagName}.${name}`);
            if (name === 'href' && !/^(https?|mailto):/i.test(value)) found.push(value);
        }
    }
    return {shown: rendered.length, found};
}
"""
PLANTED = "() => (window.planted || []).length"


@pytest.fixture(scope="module")
def server_env():
    return {"GROK_NB_TEST_MARK": "from the test"}


def open_hostile(front, cells):
    shutil.copy(HOSTILE, front.root)
    notebook = front.open("hostile.ipynb", [IMPORTS, *cells])
    assert notebook.run_cell(0) == []
    return notebook


def settle(notebook):
    """Wait until the page has drawn, and had time to run and load what it would.

    The last picture is our own and comes after all others: where it has failed to
    load, theirs have been asked for.
    """
    notebook.page.evaluate(
        """() => {
            window.settled = false;
            const frame = () => new Promise(done => requestAnimationFrame(done));
            const probe = () => new Promise(done => {
                const image = new Image();
                image.onload = image.onerror = done;
                image.src = '/static/no-such-picture?' + Math.random();
            });
            frame().then(frame).then(probe).then(frame).then(probe)
                .then(() => { window.settled = true; });
        }"""
    )
    notebook.wait_for("window.settled")


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("name", "documents"), [("lab", 400), ("notebook7", 80)])
def test_hostile_documents_run_and_load_nothing(name, documents, request):
    front = request.getfixturevalue(name)
    starts = range(0, documents, PER_CELL)
    cells = [SHOW.format(start, start + PER_CELL) for start in starts]
    notebook = open_hostile(front, cells)
    for index in range(1, len(cells) + 1):
        notebook.run_cell(index)
        notebook.output_area(index).scroll_into_view_if_needed()
        settle(notebook)
        assert notebook.page.evaluate(INSPECT, index) == {
            "shown": PER_CELL,
            "found": [],
        }
    assert notebook.page.evaluate(PLANTED) == 0
    assert front.guard.outside == []
    notebook.shutdown()


@pytest.mark.parametrize("name", ["lab", "notebook7"])
def test_the_same_documents_run_and_load_when_shown_as_markdown(name, request):
    """The control: the harness would have seen it."""
    front = request.getfixturevalue(name)
    show = "for seed in range(40): display(Markdown(document(seed)))"
    inspect = "show('<p id=a onclick=x><img src=x></p>')"
    notebook = open_hostile(front, [show, inspect])
    notebook.run_cell(1)
    settle(notebook)
    assert notebook.page.evaluate(PLANTED) > 0
    assert any("leak.example" in url for url in front.guard.outside)
    notebook.run_cell(2)
    inspected = notebook.page.evaluate(INSPECT, 2)
    assert inspected == {"shown": 1, "found": ["P.id", "P.onclick", "IMG", "IMG.src"]}
    notebook.shutdown()
    front.page.close()  # until then it may ask again
    front.guard.outside.clear()


FORMULAS = r'''
show(safe_html(r"""
one $a_1$ two $$a_2$$ three \(a_3\) four \[a_4\]

\[
a_5
- b
\]
"""))
show(safe_html(r"""
costs $5 and $6, \$7 \$8, `$x$`, \\(x\\), C:\\(x), &#36;x&#36;, \begin{align}x\end{align},
\ref{x}, \eqref{x}, [image] ![$x$](http://leak.example/x), $ x $, \begin {equation}x\end{equation},
\(\def\a{b}\), $\href{http://leak.example}{x}$

```
$x$ \(x\) \[x\] \begin{align}x\end{align}
```
"""))
show("<p>" + escape_text(r"$5 and $6 \(x\) \[x\] $$x$$ \begin{align}x\end{align} \ref{x}") + "</p>")
show(safe_html(r"\({\) some words \(}\)"))
show(safe_html("$" + "{" * 3900 + "}" * 3900 + "$ and $y$"))
'''


@pytest.mark.parametrize("name", ["lab", "notebook7"])
def test_formulas_are_typeset_and_prices_are_not(name, request):
    front = request.getfixturevalue(name)
    notebook = open_hostile(front, [FORMULAS])
    notebook.run_cell(1)
    outputs = notebook.output_area(1).locator(".jp-RenderedHTML")
    formulas = "mjx-container[jax]"
    notebook.page.wait_for_function(
        """([index, selector]) => document.querySelectorAll('.jp-Notebook .jp-Cell')[index]
            .querySelectorAll(selector).length >= 5""",
        arg=[1, formulas],
    )
    settle(notebook)
    assert outputs.nth(0).locator(formulas).count() == 5
    assert outputs.nth(0).locator(f"{formulas}[display=true]").count() == 3
    assert outputs.nth(1).locator(formulas).count() == 0
    assert "costs $5 and $6, $7 $8, $x$, \\(x\\)" in outputs.nth(1).inner_text()
    assert outputs.nth(2).locator(formulas).count() == 0
    assert "$5 and $6 \\(x\\)" in outputs.nth(2).inner_text()
    # A missing brace takes no words into a formula, and nesting does no more than fail.
    assert outputs.nth(3).inner_text().startswith("\\({\\) some words")
    assert "some" not in "".join(outputs.nth(3).locator(formulas).all_inner_texts())
    assert outputs.nth(4).locator(formulas).count() == 2
    notebook.shutdown()


RICH = r'''
## Quadratic equations

The roots of $a x^2 + b x + c = 0$ are

\[
x_{1,2} = \frac{-b \pm \sqrt{b^2 - 4ac}}{2a}
\]

where \(b^2 - 4ac\) is the **discriminant**. Solving one costs $5, *two* cost $9, ~~three~~ `$13`.

| Case | Roots | Price |
|:-----|:-----:|------:|
| \(D > 0\) | two | $5.00 |
| \(D = 0\) | one | $12.50 |

```python
def roots(a: float, b: float, c: float) -> list[float]:
    """Real roots, in order."""
    d = b**2 - 4 * a * c  # the discriminant
    return [] if d < 0 else [(-b + s * d**0.5) / (2 * a) for s in (-1, 1)]
```

1. First
   - nested, with [a link](https://example.com) and <https://example.com>
2. Second ![a picture](http://leak.example/x.png)

> Quoted: <img src=x onerror="alert(1)"> stays text.

$$\sum_{k=1}^n k = \frac{n(n+1)}{2}$$

$\def\x{redefined}$ is shown as code.
'''
RICH_CELL = f"""
rich = {RICH!r}
stream = Incremental()
for end in range(0, len(rich), 50):
    html = stream.html(rich[:end])
assert stream.html(rich) == safe_html(rich)
show(safe_html(rich))
"""


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_rich_document_looks_right(theme, lab, tmp_path):
    notebook = open_hostile(lab, [RICH_CELL])
    notebook.theme(theme)
    notebook.run_cell(1)
    area = notebook.output_area(1)
    area.locator("mjx-container[jax]").nth(5).wait_for()
    settle(notebook)

    def colour(selector):
        found = area.locator(selector).first
        return found.evaluate("element => getComputedStyle(element).color")

    plain = colour(".highlight code")
    assert len({plain, colour(".highlight .k"), colour(".highlight .c1")}) == 3
    right = area.locator("td").nth(2)
    assert right.evaluate("cell => getComputedStyle(cell).textAlign") == "right"
    assert area.locator("mjx-container[jax]").count() == 6
    assert area.locator("img").count() == 0
    picture = tmp_path / "rich.png"
    notebook.screenshot(picture, 1)
    assert picture.stat().st_size > 10_000
    notebook.shutdown()


def test_tools_drive_a_notebook(lab):
    """Environment, interrupt, save, and the addresses a page wants elsewhere."""
    cells = [
        "import os, time\nprint(os.environ['GROK_NB_TEST_MARK'], flush=True)\ntime.sleep(600)",
        "import IPython\nIPython.display.HTML('<img src=http://leak.example/x>')",
    ]
    notebook = lab.open("tools.ipynb", cells)
    notebook.start_cell(0)
    notebook.output_area(0).get_by_text("from the test", exact=True).wait_for()
    notebook.interrupt()
    outputs = notebook.wait_cell(0)
    assert [output["output_type"] for output in outputs] == ["stream", "error"]
    assert outputs[1]["ename"] == "KeyboardInterrupt"
    notebook.save()
    assert "KeyboardInterrupt" in (lab.root / "tools.ipynb").read_text()
    assert lab.guard.outside == []
    notebook.run_cell(1)
    settle(notebook)
    assert set(lab.guard.outside) == {"http://leak.example/x"}
    notebook.shutdown()
    lab.page.close()  # until then it may ask again
    lab.guard.outside.clear()

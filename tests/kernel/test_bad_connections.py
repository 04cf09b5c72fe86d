"""What is wrong below the API, as ``%%grok`` shows it."""

from __future__ import annotations

import re

import pytest

from tests.bad_servers import HALF, SERVERS, STREAMED


@pytest.mark.parametrize(
    "name",
    [
        "no such host",
        "plain where TLS is asked",
        "half a header, then closed",
        "10,000 headers",
        "chunked garbage after text",
        "silent after text",
    ],
)
def test_bad_server_is_shown_below_the_cell(kernel, name):
    bad, seen = SERVERS[name], STREAMED[name]
    with bad.running() as (url, server):
        kernel.run(
            "import grok_nb as gn, os\n"
            "[os.environ.pop(n, 0) for n in ('http_proxy', 'https_proxy', 'all_proxy',"
            " 'HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY')]\n"
            f"gn.configure(base_url={url!r}, model='grok-4.7',"
            f" timeout_s={bad.timeout_s})"
        )
        cell = kernel.run("%%grok -o r\nhi", watched=True)
        following = kernel.run("%%grok -q\n{{nowhere}}")
        rows = kernel.value("gn.usage()[['state', 'cost_source']].values.tolist()")
        kernel.run("gn.configure(base_url=None, model=None, timeout_s=None)")
        if server is not None:
            server.wait_until_left()

    first, second = cell.error["traceback"]
    assert re.fullmatch(f"{seen.error}: {seen.message}", first)
    assert second.startswith(f"  {seen.hint}")
    if seen.attempts > 1:
        doubt = f", {seen.in_doubt} of them in doubt" if seen.in_doubt else ""
        assert f" This was attempt {seen.attempts}{doubt}." in second
    assert rows == [[seen.state, seen.cost_source]] * seen.attempts
    text = HALF if seen.partial else ""
    assert kernel.value("(r.state, r.text)") == ("failed", text)
    ending = "[broken off]" if text else "[no answer]"
    assert cell.shown[-1] == f"{text}\n\n{ending}".lstrip()
    assert following.error["ename"] == "OptionError"  # the kernel is well

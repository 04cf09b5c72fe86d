"""Certificates, over real TLS: who is believed, who is not, and what is then said."""

import datetime
import hashlib
import os
import ssl
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.x509.name import _ASN1Type

import grok_nb as gn
from grok_nb.store.ledger import COLUMNS

from .tls import TlsServer, context_of, serving

ROOT = Path(__file__).parent.parent.parent
KEY = "xai-Kq7ZtW3mVb9RyLp2XcN8sD4f"


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture(autouse=True)
def no_certificates_of_the_machine(monkeypatch):
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def ca_file(authority, tmp_path):
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return path


@pytest.fixture
def server(authority):
    certificate = context_of(authority.issue_cert("127.0.0.1"))
    with serving(TlsServer(certificate)) as made:
        yield made


@pytest.fixture
def ask(quick_clock):
    """List the models of a server; return their ids."""

    def models(server, host="127.0.0.1", **options):
        base_url = f"https://{host}:{server.port}/v1"
        with gn.Grok(
            api_key=KEY,
            base_url=base_url,
            store=":memory:",
            clock=quick_clock,
            **options,
        ) as grok:
            return [model.id for model in grok.models()]

    return models


def test_an_unknown_authority_is_refused_once_and_told(ask, server):
    with pytest.raises(gn.errors.ConnectionFailed, match="was refused") as caught:
        ask(server)
    error = caught.value
    assert (error.sent, error.lasting) == (False, True)
    assert "The certificate of 127.0.0.1" in str(error)
    assert "unable to get local issuer" in str(error)
    assert "SSL_CERT_FILE" in error.hint
    assert "verify=" in error.hint
    assert (server.connections, server.served) == (1, [])  # it stays wrong: no retry


def test_a_refused_certificate_costs_nothing(server, quick_clock):
    with gn.Grok(
        api_key=KEY,
        base_url=f"https://127.0.0.1:{server.port}/v1",
        model="m",
        store=":memory:",
        clock=quick_clock,
    ) as grok:
        for question in (grok.ask, lambda text: list(grok.stream(text))):
            with pytest.raises(gn.errors.ConnectionFailed, match="was refused"):
                question("hi")
        rows = [dict(zip(COLUMNS, row, strict=True)) for row in grok.ledger.rows()]
    assert [(row["state"], row["cost_usd"]) for row in rows] == [("failed", 0)] * 2
    assert server.connections == 2


def folder_of(authority, path):
    """Make a folder as `openssl rehash` does: each file is named by its subject."""
    path.mkdir()
    certificate = x509.load_pem_x509_certificate(authority.cert_pem.bytes())
    canonical = x509.Name(
        [
            x509.NameAttribute(a.oid, a.value.lower(), _ASN1Type.UTF8String)
            for a in certificate.subject
        ]
    ).public_bytes()
    digest = hashlib.sha1(canonical[2:]).digest()  # without the outer length
    assert len(canonical) < 130
    name = f"{int.from_bytes(digest[:4], 'little'):08x}.0"
    authority.cert_pem.write_to_path(path / name)
    return path


def test_the_authority_s_file_folder_or_context_is_believed(
    ask, server, authority, ca_file, tmp_path, monkeypatch
):
    context = ssl.create_default_context()
    authority.configure_trust(context)
    folder = folder_of(authority, tmp_path / "folder")
    for verify in (str(ca_file), ca_file, folder, context):
        assert ask(server, verify=verify) == ["grok-4.7"]
    monkeypatch.setenv("SSL_CERT_DIR", str(folder))
    assert ask(server) == ["grok-4.7"]
    monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
    assert ask(server) == ask(server, verify=True) == ["grok-4.7"]
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(other)
    with pytest.raises(gn.errors.ConnectionFailed, match="was refused"):
        ask(server, verify=other)  # an argument wins
    monkeypatch.setenv("SSL_CERT_FILE", str(other))
    with pytest.raises(gn.errors.ConnectionFailed, match="was refused"):
        ask(server)
    assert {key for _, key in server.served} == {f"Bearer {KEY}"}


def test_without_checks_it_works_and_says_so(ask, server):
    with pytest.warns(RuntimeWarning, match="No certificate is checked") as caught:
        assert ask(server, host="localhost", verify=False) == ["grok-4.7"]
    assert len(caught) == 1
    assert "argument" in str(caught[0].message)


def test_the_warning_comes_once_in_a_process_and_never_without_tls(server, sandbox):
    base_url = f"https://127.0.0.1:{server.port}/v1"
    code = f"""
import grok_nb as gn
gn.configure(api_key="xai-000000", verify=False, base_url="{sandbox.base_url}")
gn.ask("hi")
gn.configure(base_url="{base_url}")
from grok_nb import default
for _ in range(2):
    default.session().models()
    gn.Grok(api_key="xai-0", base_url="{base_url}", verify=False).models()
gn.configure(timeout_s=60)
default.session().models()
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "GROK_NB_STORE": ":memory:"}
    done = subprocess.run(
        [sys.executable, "-W", "default", "-c", code],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
        env=environment,
    )
    assert done.stderr.count("No certificate is checked") == 1
    assert len(server.served) == 5


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "No such file"),
        (b"", "no certificate in PEM form"),
        (b"-----BEGIN CERTIFICATE-----\nrubbish\n", "no certificate in PEM form"),
        (b"\x30\x82\x00\x00", "no certificate in PEM form"),
        ("folder", "openssl rehash"),
    ],
)
@pytest.mark.parametrize("place", ["argument", "SSL_CERT_FILE"])
def test_a_ca_file_that_cannot_be_used_is_told(
    ask, server, tmp_path, monkeypatch, content, said, place
):
    path = tmp_path / "the-ca.pem"
    if content == "folder":
        path.mkdir()
        (path / "ca.pem").write_bytes(b"")
    elif content is not None:
        path.write_bytes(content)
    options = {"verify": path} if place == "argument" else {}
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with pytest.raises(gn.errors.ConfigError, match=said) as caught:
        ask(server, **options)
    assert f"{path} ({place})" in str(caught.value)
    assert "SSL_CERT_FILE" in caught.value.hint
    assert server.connections == 0


def test_a_broken_ca_file_is_nothing_to_plain_http(sandbox, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", "/no/such/file.pem")
    with gn.Grok(
        api_key=sandbox.key, base_url=sandbox.base_url, store=":memory:"
    ) as grok:
        assert len(grok.models()) > 3


def test_a_certificate_for_another_name_is_told(ask, server, ca_file):
    with pytest.raises(gn.errors.ConnectionFailed, match=r"(?i)hostname mis") as caught:
        ask(server, host="localhost", verify=ca_file)
    assert "another name" in caught.value.hint
    assert "verify=" in caught.value.hint
    assert (server.connections, server.served) == (1, [])


NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)


@pytest.mark.parametrize(
    ("begin", "end", "said"),
    [
        (NOW - 3 * DAY, NOW - DAY, "has expired"),
        (NOW + DAY, NOW + 3 * DAY, "not yet valid"),
    ],
)
def test_a_certificate_of_another_time_is_told(
    ask, authority, ca_file, begin, end, said
):
    certificate = authority.issue_cert("127.0.0.1", not_before=begin, not_after=end)
    with (
        serving(TlsServer(context_of(certificate))) as server,
        pytest.raises(gn.errors.ConnectionFailed, match=said) as caught,
    ):
        ask(server, verify=ca_file)
    assert "clock" in caught.value.hint
    assert server.connections == 1


def test_plain_http_where_tls_is_expected_is_told(ask):
    with (
        serving(TlsServer(None)) as server,
        pytest.raises(gn.errors.ConnectionFailed) as caught,
    ):
        ask(server)
    assert "No TLS is spoken there" in caught.value.hint
    assert caught.value.sent is False


def test_awaited_calls_check_certificates_too(server, ca_file, quick_clock):
    import asyncio

    async def models(**options):
        base_url = f"https://127.0.0.1:{server.port}/v1"
        async with gn.AsyncGrok(
            api_key=KEY,
            base_url=base_url,
            store=":memory:",
            clock=quick_clock,
            **options,
        ) as grok:
            return len(await grok.models())

    with asyncio.Runner() as runner, warnings.catch_warnings():
        warnings.simplefilter("error")
        assert runner.run(models(verify=ca_file)) == 1
        with pytest.raises(gn.errors.ConnectionFailed, match="was refused"):
            runner.run(models())

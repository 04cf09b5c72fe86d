"""What the public names promise to a type checker. Checked by mypy, never run."""

from typing import Any, assert_type

import pandas as pd

import grok_nb as gn
from grok_nb.account import AccountUsage, PrepaidBalance
from grok_nb.api.batch_results import BatchError, BatchResult, BatchResults
from grok_nb.api.deferred import AsyncDeferred, Deferred
from grok_nb.api.embeddings import Embeddings
from grok_nb.api.images import GeneratedImage, Images
from grok_nb.checkup import Checkup
from grok_nb.frames.usage import UsageFrame
from grok_nb.session import AsyncReplyStream, ReplyStream
from grok_nb.turns import Turn
from grok_nb.wire import (
    AnthropicCompletion,
    AnthropicMessage,
    ApiKey,
    Batch,
    BatchPage,
    BatchRequestPage,
    ChatCompletion,
    ChatCompletionChunk,
    DeletedFile,
    DeletedResponse,
    FilePage,
    InputItems,
    ListedModel,
    MessageEvent,
    Response,
    ResponseEvent,
    StoredFile,
    TextCompletion,
    Tokens,
)


def blocking(grok: gn.Grok) -> None:
    assert_type(gn.ask("hi", model="m", temperature=0.5), gn.Reply)
    assert_type(grok.ask("hi"), gn.Reply)
    assert_type(grok.stream("hi"), ReplyStream)
    for event in gn.stream("hi"):
        assert_type(event, gn.Event)
        assert_type(event.delta, str)
        assert_type(event.reply, gn.Reply)
    completion = grok.chat_completion([{"role": "user", "content": "hi"}], n=2)
    assert_type(completion, ChatCompletion)
    for chunk in grok.chat_completion_stream([{"role": "user", "content": "hi"}]):
        assert_type(chunk, ChatCompletionChunk)
    assert_type(gn.ask("hi", search=["web"], domains="x.ai", run_code=True), gn.Reply)
    reply = gn.ask("hi", schema="name, age int", many=True, repairs=0)
    assert_type(reply.records, list[dict[str, Any]])
    assert_type(reply.df, pd.DataFrame)
    assert_type(grok.respond("hi", store=False, max_turns=2), Response)
    for made in grok.respond_stream([{"role": "user", "content": "hi"}]):
        assert_type(made, ResponseEvent)
        assert_type(made.response, Response | None)
    asked = [{"role": "user", "content": "hi"}]
    message = grok.messages(asked, max_tokens=9, system="Be brief.")
    assert_type(message, AnthropicMessage)
    assert_type(message.text, str)
    for step in grok.messages_stream(asked, "grok-4.7", max_tokens=9):
        assert_type(step, MessageEvent)
        assert_type(step.message, AnthropicMessage | None)
    grok.messages(asked)  # type: ignore[call-arg]  # max_tokens must be given
    assert_type(grok.complete("hi", stop=["x"]).text, str)
    for piece in grok.complete_stream(["a", "b"], n=2):
        assert_type(piece, TextCompletion)
    legacy = grok.anthropic_complete("hi", max_tokens_to_sample=9)
    assert_type(legacy, AnthropicCompletion)
    assert_type(grok.get_response("id").text, str)
    assert_type(grok.delete_response("id"), DeletedResponse)
    assert_type(grok.response_input_items("id"), InputItems)
    assert_type(grok.models(), list[ListedModel])
    assert_type(grok.language_model("grok-4.7"), ListedModel)
    assert_type(grok.tokenize("hi").count, int)
    assert_type(grok.api_key(), ApiKey)
    assert_type(gn.ask("hi", search_parameters={"mode": "on"}), gn.Reply)
    assert_type(gn.ask("hi", attach=["a.png", b""], detail="low"), gn.Reply)
    assert_type(grok.generate_images("a fox", n=2), Images)
    assert_type(grok.edit_images("bluer", "a.png").images[0], GeneratedImage)
    assert_type(grok.download("https://x.ai/a.jpeg"), GeneratedImage)
    assert_type(grok.embed(["a", "b"]), Embeddings)
    assert_type(grok.defer("hi", max_completion_tokens=9), Deferred)
    assert_type(grok.defer("hi").result(wait_s=5), gn.Reply)
    assert_type(grok.deferred_result("id"), ChatCompletion | None)
    assert_type(grok.embed("a").vectors, list[list[float]])
    assert_type(grok.file_upload(b"a", filename="a.txt"), StoredFile)
    assert_type(grok.files(limit=5), FilePage)
    assert_type(grok.file("file_1"), StoredFile)
    assert_type(grok.file_content("file_1"), bytes)
    assert_type(grok.file_delete("file_1"), DeletedFile)
    assert_type(grok.batch_create("n", input_file_id="file_1"), Batch)
    assert_type(grok.batch_add("b", {"a": {"messages": []}}).is_done, bool)
    assert_type(grok.batch_add("b", [{"batch_request_id": "a"}]), Batch)
    assert_type(grok.batch_get("b").num_pending, int)
    assert_type(grok.batch_list(limit=5), BatchPage)
    assert_type(grok.batch_requests("b"), BatchRequestPage)
    assert_type(grok.batch_results("b", pagination_token="t"), BatchResults)
    for result in grok.batch_results_all("b"):
        assert_type(result, BatchResult)
        assert_type(result.reply, gn.Reply | None)
        assert_type(result.error, BatchError | None)
    assert_type(grok.batch_cancel("b"), Batch)
    assert_type(grok.account_usage("2026-01-01", by=None, unit="hour"), AccountUsage)
    assert_type(grok.account_usage().df, pd.DataFrame)
    assert_type(grok.prepaid_balance("t"), PrepaidBalance)
    assert_type(grok.prepaid_balance().balance_usd, float | None)


async def awaitable(grok: gn.AsyncGrok) -> None:
    assert_type(await gn.aask("hi"), gn.Reply)
    assert_type(await grok.ask("hi"), gn.Reply)
    assert_type(grok.stream("hi"), AsyncReplyStream)
    async for event in grok.stream("hi"):
        assert_type(event, gn.Event)
    assert_type(await grok.respond("hi"), Response)
    assert_type(await grok.messages([{}], max_tokens=9), AnthropicMessage)
    assert_type(await grok.complete("hi"), TextCompletion)
    async for made in grok.respond_stream("hi"):
        assert_type(made, ResponseEvent)
    assert_type(await grok.models(), list[ListedModel])
    assert_type(await grok.generate_images("a fox"), Images)
    assert_type(await grok.embed("a"), Embeddings)
    assert_type(await grok.defer("hi"), AsyncDeferred)
    assert_type(await (await grok.defer("hi")).ready(), bool)
    assert_type(await grok.files(), FilePage)
    assert_type(await grok.tokenize("hi", "grok-4.7"), Tokens)
    assert_type(await grok.batch_results("b"), BatchResults)
    async for result in grok.batch_results_all("b"):
        assert_type(result, BatchResult)


def values(reply: gn.Reply) -> None:
    assert_type(reply.text, str)
    assert_type(reply.usage, gn.Usage | None)
    assert_type(reply.cost_usd, float | None)
    assert_type(reply.citations, pd.DataFrame)
    for step in reply.steps:
        assert_type(step.about, str)


def frames() -> None:
    assert_type(gn.usage(by="day", model="grok-4.7"), UsageFrame)
    assert_type(gn.models(), pd.DataFrame)
    assert_type(gn.deferred(), pd.DataFrame)
    assert_type(gn.prices(), pd.DataFrame)


def checkup() -> None:
    assert_type(gn.doctor(timeout_s=5), Checkup)
    assert_type(gn.doctor().checks[0].what, str)


def threads(thread: gn.Thread) -> None:
    assert_type(thread.ask("hi", at=-1, search="web"), gn.Reply)
    assert_type(thread.stream("hi"), ReplyStream)
    assert_type(thread.turns, list[Turn])
    assert_type(thread.undo().prompt, str)
    assert_type(thread.fork("other", 2), gn.Thread)
    assert_type(gn.Thread.load("t.json"), gn.Thread)

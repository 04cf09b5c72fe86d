"""Every endpoint so far: which tests cover it, and one run whose books agree.

A line of the table names a method of the client or examples of the guides, the source,
a test through the sandbox's socket, and one on the bytes as they are described; both
state fields and values. That they exist, and that no method is missing, is tested here.
"""

import ast
import io
import json
from pathlib import Path

import pytest
from PIL import Image

import grok_nb as gn
from grok_nb._sandbox.server import Sandbox
from grok_nb.api.client import Client
from tests.sandbox.reconcile import rows_in
from tests.support import bills

TESTS = Path(__file__).parents[1]

LISTING = (
    "xai-api.md 9",
    "sandbox/test_openai_client.py::test_models",
    "unit/api/test_client.py::test_listings_and_their_forms_by_id",
)
SEARCHED = (
    "docs.x.ai 2025-12, agentic search; xai-api.md 6.3",
    "sandbox/test_responses_guides.py::test_the_example",
    "unit/api/test_responses.py::test_options_become_tools",
)
GUIDE = "sandbox/test_guides.py::test_example_of_the_guides_gives_its_values"
MEDIA = "sandbox/test_guides_media.py::test_example_of_the_guides_gives_its_values"
METHODS = {
    "chat_completion": (
        "xai-api.md 3",
        "sandbox/test_books.py::test_books_agree_with_the_bill",
        "unit/test_wire.py::test_the_recorded_completion_is_read",
    ),
    "chat_completion_stream": (
        "xai-api.md 4",
        "sandbox/test_books.py::test_books_agree_with_the_bill",
        "unit/test_wire.py::test_the_recorded_chunks_are_read",
    ),
    "defer": (
        "xai-api.md 5",
        "sandbox/test_deferring.py::test_it_survives_a_kernel_restart_and_is_fetched_once",
        "unit/api/test_deferred.py::test_a_request_is_sent_as_documented_and_claims_nothing",
    ),
    "deferred_result": (
        "xai-api.md 5",
        "sandbox/test_deferring.py::test_a_result_is_read_once_and_agrees_with_the_bill",
        "unit/api/test_deferred.py::test_the_result_completes_the_same_row_and_is_fetched_once",
    ),
    "respond": (
        "xai-api.md 6.1 to 6.6",
        "sandbox/test_respond.py::test_respond_and_its_stream_and_what_is_stored",
        "unit/api/test_responses.py::test_respond_is_typed_and_keeps_the_json",
    ),
    "respond_stream": (
        "xai-api.md 6.7",
        "sandbox/test_respond.py::test_respond_and_its_stream_and_what_is_stored",
        "unit/api/test_response_fold.py::test_the_recorded_stream_gives_its_events_reply_and_row",
    ),
    **dict.fromkeys(
        ("get_response", "delete_response", "response_input_items"),
        (
            "xai-api.md 6.8",
            "sandbox/test_respond.py::test_respond_and_its_stream_and_what_is_stored",
            "unit/api/test_responses.py::test_stored_responses_are_read_and_deleted_for_free",
        ),
    ),
    **dict.fromkeys(
        ("messages", "messages_stream"),
        (
            "xai-api.md 8.1",
            "sandbox/test_legacy.py::test_a_message_whole_and_streamed_agrees_with_the_bill",
            "unit/api/test_messages.py::test_the_recorded_stream_gives_its_events_and_the_same_row",
        ),
    ),
    **dict.fromkeys(
        ("complete", "complete_stream"),
        (
            "xai-api.md 8.2",
            "sandbox/test_legacy.py::test_texts_are_completed_whole_and_streamed",
            "unit/api/test_legacy.py::test_the_recorded_stream_gives_its_chunks_and_the_same_row",
        ),
    ),
    "anthropic_complete": (
        "xai-api.md 8.3",
        "sandbox/test_legacy.py::test_anthropic_s_completion_has_an_estimate",
        "unit/api/test_legacy.py::test_anthropic_s_form_is_sent_read_and_booked",
    ),
    "generate_images": (
        "xai-api.md 7.1",
        "sandbox/test_media.py::test_pictures_are_drawn_embedded_and_booked",
        "unit/api/test_images.py::test_a_picture_is_asked_for_as_documented",
    ),
    "edit_images": (
        "xai-api.md 7.2",
        "sandbox/test_media.py::test_pictures_are_drawn_embedded_and_booked",
        "unit/api/test_images.py::test_edits_are_json_with_one_picture_or_several",
    ),
    "download": (
        "xai-api.md 7.1",
        "sandbox/test_media.py::test_a_picture_s_address_is_fetched_without_the_key",
        "unit/api/test_images.py::test_a_picture_is_fetched_when_asked_to_and_without_the_key",
    ),
    "embed": (
        "xai-api.md 10",
        "sandbox/test_media.py::test_similar_texts_are_near",
        "unit/api/test_embeddings.py::test_a_text_is_embedded_as_documented",
    ),
    "file_upload": (
        "xai-api.md 12.2",
        "sandbox/test_media.py::test_files_are_kept_listed_read_and_deleted",
        "unit/api/test_files.py::test_a_file_is_uploaded_as_documented",
    ),
    "files": (
        "xai-api.md 12.2",
        "sandbox/test_media.py::test_files_are_kept_listed_read_and_deleted",
        "unit/api/test_files.py::test_listings_come_in_pages",
    ),
    **dict.fromkeys(
        ("file", "file_content", "file_delete"),
        (
            "xai-api.md 12.2",
            "sandbox/test_media.py::test_files_are_kept_listed_read_and_deleted",
            "unit/api/test_files.py::test_files_are_described_read_and_deleted",
        ),
    ),
    **dict.fromkeys(
        ("batch_create", "batch_get", "batch_list", "batch_requests", "batch_cancel"),
        (
            "xai-api.md 12.1",
            "sandbox/test_batching_client.py::test_a_batch_that_was_cancelled_closes_its_rows",
            "unit/api/test_batches.py::test_a_batch_is_made_listed_read_and_cancelled_as_documented",
        ),
    ),
    "batch_add": (
        "xai-api.md 12.1",
        "sandbox/test_batching_client.py::test_an_answer_that_is_lost_adds_nothing_twice",
        "unit/api/test_batches.py::test_requests_are_added_as_documented_each_with_a_row",
    ),
    **dict.fromkeys(
        ("batch_results", "batch_results_all"),
        (
            "xai-api.md 12.1",
            "sandbox/test_batching_client.py::test_a_batch_from_end_to_end_and_three_books_agree",
            "unit/api/test_batches.py::test_results_are_replies_or_errors_and_settle_each_row_once",
        ),
    ),
    "account_usage": (
        "xai-api.md 12.3",
        "sandbox/test_batching_client.py::test_the_account_is_what_was_billed_by_description_and_day",
        "unit/api/test_management.py::test_usage_is_asked_for_as_documented",
    ),
    "prepaid_balance": (
        "xai-api.md 12.3",
        "sandbox/test_batching_client.py::test_the_account_is_what_was_billed_by_description_and_day",
        "unit/api/test_management.py::test_the_balance_is_a_frame_of_its_changes",
    ),
    "tokenize": (
        "xai-api.md 10",
        "sandbox/test_small_endpoints.py::test_tokens_make_up_the_text_and_cost_nothing",
        "unit/api/test_small_endpoints.py::test_tokens_are_asked_for_as_documented_and_leave_no_row",
    ),
    "api_key": (
        "xai-api.md 10",
        "sandbox/test_small_endpoints.py::test_the_key_is_told_of_without_any_part_of_it",
        "unit/api/test_small_endpoints.py::test_the_key_is_described_and_leaves_no_row",
    ),
    **dict.fromkeys(
        (
            *("models", "model", "language_models", "language_model"),
            *("image_generation_models", "image_generation_model"),
            *("embedding_models", "embedding_model"),
        ),
        LISTING,
    ),
}
EXAMPLES = {
    "chat, streaming, reasoning, structured outputs, function calling": (
        "docs.x.ai 2024-12 to 2025-12",
        GUIDE,
        "unit/api/test_stream.py::test_stream_gives_the_recorded_events_and_the_reply",
    ),
    "asynchronous requests": (
        "docs.x.ai 2025-05",
        GUIDE,
        "unit/api/test_client.py::test_one_transport_serves_all_calls",
    ),
    "fingerprint": (
        "docs.x.ai 2025-05",
        GUIDE,
        "unit/api/test_client.py::test_the_response_s_model_and_ids_are_in_reply_and_row",
    ),
    "image understanding": (
        "docs.x.ai 2024-12, 2025-02, 2025-05",
        MEDIA,
        "unit/test_attachments.py::test_pictures_come_before_the_question_and_are_booked",
    ),
    "image generations": (
        "docs.x.ai 2025-05",
        MEDIA,
        "unit/api/test_images.py::test_embedded_pictures_are_read_as_they_come",
    ),
    "deferred chat completions": (
        "docs.x.ai 2025-05",
        MEDIA,
        "unit/api/test_deferred.py::test_a_request_is_sent_as_documented_and_claims_nothing",
    ),
    "embeddings": (
        "docs.x.ai 2024-12",
        MEDIA,
        "unit/api/test_embeddings.py::test_every_option_travels_by_its_name",
    ),
    "live search": (
        "docs.x.ai 2025-05; xai-api.md 11",
        "sandbox/test_search_parameters.py::test_the_guide_s_question_is_answered_then_and_now",
        "unit/api/test_live_search.py::test_after_a_410_the_same_question_goes_to_the_server_s_tools",
    ),
    "agentic search: citations, each filter, pictures and videos": SEARCHED,
}
#: Not endpoints: how they are used, and what a session is made of.
BESIDE = {
    *("ask", "stream", "fetch", "follow", "warn"),
    *("read_listing", "request_for", "read_prices", "resolve_model", "aclose", "heed"),
}


def functions_of(path: Path) -> set[str]:
    return {
        node.name
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


@pytest.mark.parametrize("name", [*METHODS, *EXAMPLES])
def test_what_the_table_names_is_there(name):
    source, *tests = {**METHODS, **EXAMPLES}[name]
    assert source
    for test in tests:
        path, _, function = test.partition("::")
        assert function in functions_of(TESTS / path), test


def test_every_method_of_the_client_is_in_the_table():
    public = {
        name
        for kind in (Client, gn.AsyncGrok)
        for name in dir(kind)
        if not name.startswith("_") and callable(getattr(kind, name))
    }
    assert public - BESIDE == set(METHODS)


def test_every_method_has_a_cell_in_the_tour():
    tour = json.loads((TESTS.parent / "notebooks" / "03-api-tour.ipynb").read_text())
    cells = ["".join(c["source"]) for c in tour["cells"] if c["cell_type"] == "code"]
    used = {
        node.func.attr
        for cell in cells
        for node in ast.walk(ast.parse(cell))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    assert set(METHODS) <= used


def picture(colour):
    buffer = io.BytesIO()
    Image.new("RGB", (500, 300), colour).save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.fixture
def grok(sandbox, tmp_path):
    with gn.Grok(
        api_key=sandbox.key,
        base_url=sandbox.base_url,
        model="grok-4.7",
        store=tmp_path / "books",
    ) as session:
        yield session


SERVER_TOOLS = [
    {"type": "web_search", "enable_image_understanding": True},
    {"type": "x_search", "enable_video_understanding": True},
    {"type": "code_interpreter"},
    {"type": "image_generation"},
]


def use_everything(grok):
    """Use every endpoint and tool; return how many rows that must leave."""
    count = 0
    for _ in grok.stream("What is 6*7?", attach=picture("red")):
        pass
    grok.ask("Count to 30", n=2, max_tokens=20, model="grok-4.3")
    messages = [{"role": "user", "content": "What is 6*7?"}]
    grok.chat_completion(messages, model="grok-4.20-non-reasoning")
    list(grok.chat_completion_stream(messages, reasoning_effort="low"))
    count += 4
    grok.ask("What is new at xAI?", search="web,x", run_code=True)
    for _ in grok.stream("What is new at xAI?", search="x", images=True, video=True):
        pass
    first = grok.respond(
        "What is new at xAI? Run 6*7 and draw a fox.", tools=SERVER_TOOLS
    )
    list(grok.respond_stream("And 2*4?", previous_response_id=first.id))
    count += 4
    uploaded = grok.file_upload(
        io.BytesIO(b"The vault opens at 7:40."), filename="a.txt"
    )
    grok.respond(
        "When does the vault open?",
        tools=[{"type": "file_search", "vector_store_ids": [uploaded.id]}],
    )
    count += 1
    drawn = grok.generate_images("a red fox", n=2, resolution="2k")
    grok.edit_images("make it night", image=drawn.images[0].data)
    grok.generate_images(
        "a boat", model="grok-imagine-image-2.0", quality="medium", resolution="1.5k"
    )
    count += 3
    handle = grok.defer("What is 101*3?")
    assert "303" in handle.result(wait_s=20).text
    count += 1
    with pytest.raises(gn.errors.NotFound):  # no such model is offered in 2026
        grok.embed("hello", model="v1")
    count += 1
    old = "grok-4.20-non-reasoning"
    grok.messages(messages, max_tokens=200, system="Be brief.")
    list(grok.messages_stream(messages, old, max_tokens=200))
    grok.complete(["What is 6*7?", "And 2*4?"], old)
    list(grok.complete_stream("What is 6*7?", old))
    count += 4
    # what follows is free
    grok.get_response(first.id)
    grok.response_input_items(first.id)
    grok.delete_response(first.id)
    grok.files()
    grok.file(uploaded.id)
    grok.file_content(uploaded.id)
    grok.file_delete(uploaded.id)
    grok.tokenize("hello")
    grok.api_key()
    for listing in ("models", "language_models", "image_generation_models"):
        getattr(grok, listing)()
    assert grok.embedding_models() == []
    return count


def test_a_run_over_every_endpoint_reconciles_to_the_tick(grok, sandbox, tmp_path):
    count = use_everything(grok)
    grok.ledger.rows()  # all are written
    rows = rows_in(tmp_path / "books")
    assert len(rows) == count
    billed = {
        call["request_id"]: call["cost_in_usd_ticks"]
        for call in bills(sandbox)
        if call["billed"]
    }
    booked = {row["request_id"]: row["cost_ticks"] for row in rows if row["cost_ticks"]}
    assert booked == billed
    # only messages tell no cost: it is computed, and the same
    for row in rows:
        told = "computed" if row["endpoint"] == "/messages" else "reported"
        assert not row["cost_ticks"] or row["cost_source"] == told
    uses = [call["usage"] or {} for call in bills(sandbox)]
    details = [use.get("server_side_tool_usage_details") or {} for use in uses]
    used = {name for detail in details for name, number in detail.items() if number}
    assert used >= {
        *("web_search_calls", "x_posts_fetched", "code_interpreter_calls"),
        *("file_search_calls", "image_generation_calls"),
    }
    # the comparison notices
    lost = rows_in(tmp_path / "books")[1:]
    assert {r["request_id"]: r["cost_ticks"] for r in lost if r["cost_ticks"]} != billed


def test_embeddings_of_2025_agree_with_the_bill(tmp_path):
    with (
        Sandbox(vintage="2025") as sandbox,
        gn.Grok(
            api_key=sandbox.key, base_url=sandbox.base_url, store=tmp_path / "books"
        ) as grok,
    ):
        found = grok.embed(["red fox", "blue boat"], model="v1")
        assert len(found.vectors) == 2
        grok.ledger.rows()  # it is written
        (row,) = rows_in(tmp_path / "books")
        (call,) = bills(sandbox)
    assert (row["cost_ticks"] or 0) == call["cost_in_usd_ticks"]
    assert row["prompt_tokens"] == call["usage"]["prompt_tokens"]

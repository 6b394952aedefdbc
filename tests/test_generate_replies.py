"""Single requests to an endpoint: odd but good replies are kept, errors in disguise are told, a refusal is a lesson."""

from __future__ import annotations

import json
from typing import Any

import generate_server as faults
import pytest
from generate_server import CHAT, KEY, Server

from coderm.errors import ModelError, ReplyError
from coderm.generate.models import Sampling, open_model


def test_an_error_inside_a_200_is_an_error_with_the_servers_words(server: Server) -> None:
    with open_model(f"openai:m@{server.url}", "solution") as model:
        for code, words in ((401, "set OPENAI_API_KEY"), (402, "add credit"), ("404", "is 'm' a model")):
            server.always = faults.status(200, f"no: {KEY}", code=code)
            with pytest.raises(ModelError, match=rf"no: \[key\]; {words}") as caught:
                model.request(CHAT, 1, Sampling())
            assert not isinstance(caught.value, ReplyError)
        assert len(server.requests) == 3
        for body, unreachable in ((b'{"error": {"message": "overloaded", "code": 529}}', True),
                                  (b'{"error": "overloaded"}', False)):
            server.always = faults.body(body)
            with pytest.raises(ReplyError, match="overloaded") as failed:
                model.request(CHAT, 1, Sampling())
            assert failed.value.unreachable == unreachable
        server.always, server.faults = None, [faults.body(body)] * 2
        assert model.request(CHAT, 1, Sampling())


def edited(**fields: Any) -> faults.Fault:
    """A whole reply with other top-level fields: it is delivered."""
    return lambda h, body: h.send(json.dumps(json.loads(h.reply(body.get("n", 1))) | fields).encode())


@pytest.mark.parametrize(("usage", "tokens"), [
    ({}, (0, 0)), (None, (0, 0)), ({"total_tokens": 17}, (0, 0)), ("none", (0, 0)),
    ({"prompt_tokens": 5, "completion_tokens": None, "total_tokens": 5}, (5, 0)), ({"completion_tokens": 7}, (0, 7)),
])
def test_a_reply_is_kept_whatever_its_usage_lacks(usage: Any, tokens: tuple[int, int], server: Server) -> None:
    server.always = edited(usage=usage)
    with open_model(f"openai:m@{server.url}", "solution") as model:
        replies = model.request(CHAT, 2, Sampling())
    assert len(server.requests) == 1 and [reply.text for reply in replies] == server.delivered
    assert tokens == (sum(r.prompt_tokens for r in replies), sum(r.completion_tokens for r in replies))


@pytest.mark.parametrize("bad", [{"message": None}, {"message": "hello"}, {"message": {"content": 7}}, None])
def test_good_choices_are_kept_beside_a_bad_one(bad: Any, server: Server) -> None:
    def one_bad(handler: faults.Handler, body: dict[str, Any]) -> None:
        reply = json.loads(handler.reply(body["n"]))
        reply["choices"][1] = {"index": 1, "finish_reason": "content_filter"} | bad if bad else None
        handler.send(json.dumps(reply).encode())

    server.always = one_bad
    with open_model(f"openai:m@{server.url}", "solution") as model:
        replies = model.request(CHAT, 4, Sampling())
        assert [reply.text for reply in replies] == [t for k, t in enumerate(server.delivered) if k != 1]
        assert sum(reply.completion_tokens for reply in replies) == 28  # all that was paid
        assert model.batch == 128  # a bad choice does not mean that n is capped
    assert len(server.requests) == 1


@pytest.mark.parametrize(("content", "text"), [
    ([{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "a"}, {"type": "text", "text": "b"}], "ab"),
    (None, ""),  # an empty reply, e.g. cut off while thinking: asked for again it would be paid again
])
def test_content_that_is_no_string(content: Any, text: str, server: Server) -> None:
    server.always = edited(choices=[{"index": 0, "finish_reason": "length", "message": {"content": content}}])
    with open_model(f"openai:m@{server.url}", "solution") as model:
        reply = model.request(CHAT, 1, Sampling())[0]
    assert (reply.text, reply.finish_reason, len(server.requests)) == (text, "length", 1)


def test_more_choices_than_asked_for_cost_what_they_cost(server: Server) -> None:
    server.always = lambda h, body: h.send(h.reply(body["n"] + 2))
    with open_model(f"openai:m@{server.url}", "solution") as model:
        assert sum(reply.completion_tokens for reply in model.request(CHAT, 2, Sampling())) == 28


@pytest.mark.parametrize(("habit", "requests"), [
    (lambda h, b: h.error(422, "Extra inputs are not permitted", param="seed") if "seed" in b else h.completion(b), 2),
    (lambda h, b: h.error(422, "n is not supported") if "n" in b else h.completion(b), 2),
])
def test_a_422_is_a_lesson_like_a_400(habit: faults.Fault, requests: int, server: Server) -> None:
    server.always = habit
    with open_model(f"openai:m@{server.url}", "solution") as model:
        assert model.request(CHAT, 2, Sampling(seed=1))
    assert len(server.requests) == requests


def test_parameters_that_a_model_does_not_know_are_left_out(server: Server) -> None:
    def picky(handler: faults.Handler, body: dict[str, Any]) -> None:
        for name in ("max_tokens", "temperature", "seed"):
            if name in body:
                handler.error(400, f"Unsupported parameter: '{name}' is not supported.", param=name)
                return
        handler.completion(body)

    server.always = picky
    with open_model(f"openai:m@{server.url}", "solution") as model:
        assert len(model.request(CHAT, 2, Sampling(max_tokens=99, seed=1))) == 2
        assert len(model.request(CHAT, 2, Sampling(max_tokens=99, seed=1))) == 2
    assert server.requests[-1]["max_completion_tokens"] == 99
    assert len(server.requests) == 5  # three lessons, learned once

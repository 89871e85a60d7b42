"""The load notices what a server does wrong: a foreign account, a refusal, a hang-up."""

import asyncio
import json
from contextlib import asynccontextmanager

import pytest

from benchmarks.load import Job, Target, run

pytestmark = pytest.mark.unit

MINE = Target("/mine", accounts=["acc_a"])
YOURS = Target("/yours", accounts=["acc_b"])


def rows(*ids):
    body = json.dumps({"data": [{"AccountId": each} for each in ids]}).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


@asynccontextmanager
async def serving(answers):
    """A server that answers each path with fixed bytes, in two pieces, and hangs up after empty ones."""

    async def serve(reader, writer):
        while head := await reader.readuntil(b"\r\n\r\n"):
            answer = answers[head.split(b" ", 2)[1].decode()]
            if not answer:
                break
            for piece in (answer[:25], answer[25:]):
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
        writer.close()

    async def quietly(reader, writer):
        try:
            await serve(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(quietly, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def seen(answers, *targets):
    async with serving(answers) as port:
        job = Job(port, connections=2, seconds=0.2, warm_seconds=0.0, targets=[*targets, *targets])
        return await run(Job.read(job.write()))


async def test_right_answers_are_counted_and_timed():
    found = await seen({"/mine": rows("acc_a"), "/yours": rows("acc_b")}, MINE, YOURS)
    assert found["requests"] > 10
    assert found["failures"] == found["foreign"] == 0
    assert 0 < found["p50_ms"] <= found["p99_ms"]
    assert found["body_bytes"] == found["answers"] * len(rows("acc_a").partition(b"\r\n\r\n")[2])


async def test_another_persons_account_is_noticed():
    found = await seen({"/mine": rows("acc_a"), "/yours": rows("acc_b", "acc_a")}, MINE, YOURS)
    assert 0 < found["foreign"] < found["answers"]


async def test_a_refusal_is_no_answer():
    refusal = b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n"
    found = await seen({"/mine": refusal}, MINE)
    assert found["failures"] == 2
    assert "429" in found["first_failure"]


async def test_a_hang_up_is_a_failure():
    found = await seen({"/mine": b""}, MINE)
    assert found["failures"] == 2

"""Coalescing: reads of one shape that arrive while one runs wait, and are then answered by one query.

A read is never answered by a query that started before the read arrived, so everyone reads their
own writes. Waiting is first in, first out.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Mapping, Sequence
from contextvars import Context
from functools import partial
from typing import Any, Generic, TypeVar

Shape = TypeVar("Shape", bound=Hashable)
Owner = TypeVar("Owner", bound=Hashable)
Answer = TypeVar("Answer")

BATCH = 32


class Coalescer(Generic[Shape, Owner, Answer]):
    """Answers ``read(shape, owner)`` by ``ask(shape, owners)``, one query per shape at a time.

    ``ask`` is given at most ``batch`` different owners and has an answer for each of them.
    """

    def __init__(
        self,
        ask: Callable[[Shape, Sequence[Owner]], Coroutine[Any, Any, Mapping[Owner, Answer]]],
        *,
        batch: int = BATCH,
    ) -> None:
        self._ask = ask
        self._batch = batch
        # A shape is a key here for as long as one of its queries runs.
        self._waiting: dict[Shape, deque[tuple[Owner, asyncio.Future[Answer]]]] = {}
        self._running: set[asyncio.Task[Mapping[Owner, Answer]]] = set()

    def read(self, shape: Shape, owner: Owner) -> Awaitable[Answer]:
        """The answer for ``owner`` alone; raises what ``ask`` raised for the batch the read was in."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        queue = self._waiting.get(shape)
        if queue is None:
            self._waiting[shape] = deque()
            self._start(shape, [(owner, answer)])
        else:
            queue.append((owner, answer))
        return answer

    def _start(self, shape: Shape, batch: list[tuple[Owner, "asyncio.Future[Answer]"]]) -> None:
        owners = list(dict.fromkeys(owner for owner, _ in batch))
        # A context of its own: the query belongs to no single caller, whose deadline must not end it.
        query = asyncio.get_running_loop().create_task(self._ask(shape, owners), context=Context())
        self._running.add(query)
        query.add_done_callback(partial(self._deliver, shape, batch))

    def _deliver(
        self,
        shape: Shape,
        batch: list[tuple[Owner, "asyncio.Future[Answer]"]],
        query: "asyncio.Task[Mapping[Owner, Answer]]",
    ) -> None:
        self._running.discard(query)
        if following := self._next(self._waiting[shape]):
            self._start(shape, following)
        else:
            del self._waiting[shape]
        failure = None if query.cancelled() else query.exception()
        for owner, answer in batch:
            if answer.done():
                continue  # the caller went away
            if query.cancelled():
                answer.cancel()
            elif failure is not None:
                answer.set_exception(failure)
            else:
                answer.set_result(query.result()[owner])

    def _next(
        self, queue: deque[tuple[Owner, "asyncio.Future[Answer]"]]
    ) -> list[tuple[Owner, "asyncio.Future[Answer]"]]:
        batch: list[tuple[Owner, asyncio.Future[Answer]]] = []
        owners: set[Owner] = set()
        while queue and (len(owners) < self._batch or queue[0][0] in owners):
            owner, answer = queue.popleft()
            if not answer.done():
                batch.append((owner, answer))
                owners.add(owner)
        return batch

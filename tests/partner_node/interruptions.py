"""Interruptions of a node: messages that get lost, and a process that dies at any write or call."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from typing_extensions import override

from fedcarbon.wire.status import UnreachableError
from partner_node.storage.database import Database


class Killed(BaseException):
    """The process dies here: nothing may catch it."""


class LossyHub:
    """Every different request is lost on its way, then its answer is, then it passes."""

    def __init__(
        self,
        hub: Any,
        lost: Callable[[], BaseException] | None = None,
        *,
        reads_too: bool = True,
    ) -> None:
        self._hub = hub
        self._reads_too = reads_too
        self._lost = lost or (lambda: UnreachableError("the cable is cut"))
        self._attempts: defaultdict[tuple[str, bytes], int] = defaultdict(int)
        self.requests: defaultdict[str, set[bytes]] = defaultdict(set)
        """Method to the different requests that were made."""

    def __getattr__(self, method: str) -> Callable[[Any], Any]:
        if not self._reads_too and not method.startswith(("create_", "evaluate", "submit_")):
            return getattr(self._hub, method)

        def call(request: Any) -> Any:
            single = hasattr(request, "SerializeToString")
            messages = [request] if single else list(request)
            data = b"|".join(message.SerializeToString() for message in messages)
            key = (method, hashlib.sha256(data).digest())
            self.requests[method].add(key[1])
            self._attempts[key] += 1
            if self._attempts[key] == 1:
                raise self._lost()
            answer = getattr(self._hub, method)(request if single else messages)
            if self._attempts[key] == 2:
                raise self._lost()
            return answer

        return call


class KillPlan:
    """Kills before a write, lets it be tried again, kills right after it, and so on."""

    def __init__(self) -> None:
        self.kills = 0
        self._before = True

    def before_write(self) -> None:
        if self._before:
            self._before = False
            self.kills += 1
            raise Killed

    def after_write(self) -> None:
        self._before = True
        self.kills += 1
        raise Killed


class MortalDatabase(Database):
    """A store whose process dies before and after every durable change."""

    plan: KillPlan | None = None

    @override
    @contextmanager
    def transaction(self) -> Iterator[None]:
        outermost = self._depth == 0 and self.plan is not None
        with super().transaction():
            yield
            if outermost:
                self.plan.before_write()
        if outermost:
            self.plan.after_write()

    @override
    def run(self, sql: str, parameters: Any = ()) -> None:
        alone = self._depth == 0 and self.plan is not None
        if alone:
            self.plan.before_write()
        super().run(sql, parameters)
        if alone:
            self.plan.after_write()

"""Rankings: every list follows from its rules, the choices, its salt and the ledger (V26).

A list that is published twice, early, with somebody who has not opted in, or cut otherwise than
its rules say tells more about people than they agreed to; one that is missing was held back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from fedcarbon.audit.books import Books
from fedcarbon.audit.findings import Finding
from fedcarbon.audit.ledger_replay import ReplayedLedger
from fedcarbon.audit.use_checks import binding_faults
from fedcarbon.audit.use_findings import found, once, stated
from fedcarbon.ids import ProgrammeId
from fedcarbon.ledger.account import AccountKind
from fedcarbon.ledger.unit import MassUnit
from fedcarbon.transparency.checkpoint import TIME_TOLERANCE_S
from fedcarbon.uses.ranking import (
    Ranking,
    RankingChoice,
    RankingRules,
    RankingSalt,
    opted_in,
    ranked,
)

_Key = tuple[ProgrammeId, str]
_GRACE_DAYS: Final = 2
"""A day that begins so long after a period was closed by a hub that had time to rank it."""


def check_rankings(books: Books, ledger: ReplayedLedger, findings: list[Finding]) -> None:
    """Judge all rankings of a record."""
    check = _RankingCheck(books, ledger, findings)
    check.judge_rules()
    check.judge_choices()
    check.judge_lists()
    check.judge_missing()


class _RankingCheck:
    """Judges rules, choices and lists, each by what stands before it."""

    def __init__(self, books: Books, ledger: ReplayedLedger, findings: list[Finding]) -> None:
        self._books: Final = books
        self._ledger: Final = ledger
        self._findings: Final = findings
        self._rules: Final = once(
            (
                (leaf, (item.programme_id, item.ranking_id), item)
                for leaf, item in stated(RankingRules, books, findings)
            ),
            "PUBLICATION_CONFLICT",
            findings,
        )
        self._choices: Final[dict[_Key, list[tuple[int, RankingChoice]]]] = {}
        self._salts: Final = dict(stated(RankingSalt, books, findings))
        self._lists: Final = once(
            (
                (leaf, ((item.programme_id, item.ranking_id), item.period), item)
                for leaf, item in stated(Ranking, books, findings)
            ),
            "RANKING_REPEATED",
            findings,
        )
        self._days: Final = [
            (leaf, day) for leaf, day in ledger.batches.values() if day is not None
        ]

    def _find(self, code: str, subject: str, text: str, leaf: int | None) -> None:
        self._findings.append(found(code, subject, f"{text}; the hub must explain", leaf))

    def judge_rules(self) -> None:
        """Find rankings of the same days."""
        counted: list[RankingRules] = []
        for leaf, rules in self._rules.values():
            if any(rules.overlaps(other) for other in counted):
                subject = f"ranking {rules.ranking_id}"
                self._find("RANKING_OVERLAPS", subject, "another one ranks its days too", leaf)
            counted.append(rules)

    def judge_choices(self) -> None:
        """Judge every choice by its binding and its time; one that was refused does not count."""
        bindings = {item.operator_half.leaf: item for item in self._books.bindings}
        seen: set[bytes] = set()
        for leaf, choice in stated(RankingChoice, self._books, self._findings):
            subject = f"choice {choice.choice_id.hex()}"
            if choice.choice_id in seen:
                self._find("RANKING_CHOICE_REUSED", subject, "it was made before", leaf)
                continue
            seen.add(choice.choice_id)
            faults = list(binding_faults(choice, leaf, bindings.get(choice.binding_leaf)))
            refusal = self._books.binding_refusals.get(leaf)
            if refusal is not None and not faults:
                faults.append(("BINDING_NOT_IN_FORCE", refusal))
            faults.extend(self._choice_faults(leaf, choice))
            for code, text in faults:
                self._find(code, subject, text, leaf)
            if not faults:
                key = (choice.programme_id, choice.ranking_id)
                self._choices.setdefault(key, []).append((leaf, choice))

    def _choice_faults(self, leaf: int, choice: RankingChoice) -> Iterator[tuple[str, str]]:
        known = self._rules.get((choice.programme_id, choice.ranking_id))
        if known is None or known[0] > leaf or choice.from_period >= known[1].periods:
            yield "UNKNOWN_RANKING", f"no ranking {choice.ranking_id} had such a period"
            return
        after_s = self._books.after_s.get(leaf)
        starts_s = known[1].starts_s(choice.from_period)
        if after_s is not None and after_s > starts_s + TIME_TOLERANCE_S:
            text = f"its period began at {starts_s}, and it was not logged before {after_s}"
            yield "RANKING_CHOICE_LATE", text

    def judge_lists(self) -> None:
        """Hold every list against what follows."""
        used: Counter[bytes] = Counter()
        for leaf, item in self._lists.values():
            for code, text in self._list_faults(leaf, item, used):
                self._find(code, f"ranking {item.name}", text, leaf)

    def _list_faults(
        self, leaf: int, item: Ranking, used: Counter[bytes]
    ) -> Iterator[tuple[str, str]]:
        key = (item.programme_id, item.ranking_id)
        known = self._rules.get(key)
        is_known = known is not None and known[0] == item.rules_leaf < leaf
        if known is None or not is_known or item.period >= known[1].periods:
            yield "UNKNOWN_RANKING", "the rules that it names do not have such a period"
            return
        rules = known[1]
        salt = self._salts.get(item.salt_leaf)
        said = None if salt is None else (salt.programme_id, salt.ranking_id, salt.period)
        if salt is None or item.salt_leaf >= leaf or said != (*key, item.period):
            yield "RANKING_SALT_MISSING", "the leaf that it names holds no salt of this list"
            return
        used[salt.salt] += 1
        if used[salt.salt] > 1:
            yield "RANKING_SALT_REUSED", "an earlier list has this salt: both can be joined"
        days = rules.days_of(item.period)
        over_s, ends_s = self._books.waits_s.get(leaf), rules.ends_s(item.period)
        is_early = over_s is not None and over_s + TIME_TOLERANCE_S < ends_s
        if is_early or any(day < days.stop and batch > leaf for batch, day in self._days):
            yield "RANKING_EARLY", f"its days {days.start} to {days.stop - 1} were not closed"
            return
        choices = [choice for at, choice in self._choices.get(key, ()) if at < leaf]
        people = opted_in(choices, item.period)
        credited = self._credited(item.programme_id, days)
        if item.lines != ranked(rules, salt.salt, people, credited):
            yield "RANKING_DIFFERS", f"{len(item.lines)} lines are not what the ledger gives"

    def _credited(self, programme: ProgrammeId, days: range) -> Counter[bytes]:
        """Return what was credited on ledger days, by account token."""
        batches = {leaf for leaf, day in self._days if day in days}
        credited: Counter[bytes] = Counter()
        for booked in self._ledger.booked.values():
            transfer = booked.transfer
            unit, source = transfer.unit, transfer.debit
            if booked.batch_leaf not in batches or source.kind is not AccountKind.ISSUANCE:
                continue
            if isinstance(unit, MassUnit) and unit.programme == programme:
                credited[bytes.fromhex(transfer.credit.owner)] += transfer.amount
        return credited

    def judge_missing(self) -> None:
        """Find periods whose list was held back."""
        for key, (_, rules) in self._rules.items():
            for period in range(rules.periods):
                due_day = rules.days_of(period).stop + _GRACE_DAYS - 1
                overdue = next((leaf for leaf, day in self._days if day >= due_day), None)
                if overdue is None:
                    break
                if (key, period) not in self._lists:
                    subject = f"ranking {rules.ranking_id}:{period}"
                    text = "its period was closed long ago, and it is not published"
                    self._find("RANKING_MISSING", subject, text, overdue)

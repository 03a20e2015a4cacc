"""What a released table tells about people, in plain words.

The words are made from the shell and from what the release says of itself, so they stand in the
released table, under the same hash, and a reader makes them again to compare.
"""
# ruff: noqa: RUF001 - Chinese is written with its own punctuation

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fedcarbon.disclosure.accounting import DELTA_EXPONENT, BudgetEntry, epsilon_thousandths
from fedcarbon.disclosure.margins import margin_95
from fedcarbon.disclosure.shell import TableShell
from fedcarbon.errors import MalformedError
from fedcarbon.units import millionths_text

TEXT_LENGTH_MAX: Final = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Paragraph:
    """The same in two languages."""

    zh: str
    en: str

    def __post_init__(self) -> None:
        """Check that both are there."""
        for text in (self.zh, self.en):
            if not 0 < len(text) <= TEXT_LENGTH_MAX or not text.isprintable():
                raise MalformedError(
                    f"a paragraph has 1 to {TEXT_LENGTH_MAX} printable characters in each language"
                )


def leakage_statement(
    shell: TableShell, budget: BudgetEntry, *, partners: int, trustees: int
) -> tuple[Paragraph, ...]:
    """Return what a release tells, paragraph by paragraph; the same input gives the same words.

    Args:
        shell: what is released, with its bounds and minima.
        budget: what the release spends, and its year.
        partners: how many contributed.
        trustees: how many added noise.
    """
    return (
        _contributed(shell, partners),
        _bounded(shell),
        _noise(shell, trustees),
        _promise(budget),
        _accuracy(shell, trustees),
        _hidden(shell),
        _NOT_HIDDEN,
        _NOT_PROVED,
        _COLLUSION,
    )


def _contributed(shell: TableShell, partners: int) -> Paragraph:
    return Paragraph(
        zh=(
            f"本期共有 {partners} 家合作方参与。每家都为全部 {shell.cell_count:,} 个单元格提交"
            "加密数字，包括零。打开的只是各家之和加上噪声：没有任何一方见过单元格的准确值。"
        ),
        en=(
            f"{partners} partners contributed. Each handed in encrypted numbers for all "
            f"{shell.cell_count:,} cells, zeros included. Only their sums with noise were opened: "
            "nobody has seen the exact value of a cell."
        ),
    )


def _bounded(shell: TableShell) -> Paragraph:
    zh = "，".join(
        f"{item.label.zh} {item.per_cell_max:,}（{item.unit}）" for item in shell.quantities
    )
    en = ", ".join(
        f"{item.label.en} {item.per_cell_max:,} ({item.unit})" for item in shell.quantities
    )
    return Paragraph(
        zh=(
            f"一个人在一期内，在每家合作方最多计入 {shell.cells_max:,} 个单元格，"
            f"最多计入 {shell.partners_max} 家；每个单元格最多计入：{zh}。超出部分不计。"
            "同时使用几家合作方的人，在每家各计一次。"
        ),
        en=(
            f"In one period a person counts in at most {shell.cells_max:,} cells at each partner "
            f"and at no more than {shell.partners_max} partners, and adds to a cell at most: {en}. "
            "What goes beyond is not counted. Who uses several partners counts once at each."
        ),
    )


def _noise(shell: TableShell, trustees: int) -> Paragraph:
    scales = [(item, shell.sigma(item)) for item in shell.quantities]
    zh = "，".join(f"{item.label.zh} {sigma:,}（{item.unit}）" for item, sigma in scales)
    en = ", ".join(f"{item.label.en} {sigma:,} ({item.unit})" for item, sigma in scales)
    return Paragraph(
        zh=(
            f"{trustees} 家受托方各自给每个单元格加入离散高斯噪声，尺度为：{zh}。"
            "只要其中一家诚实，下述承诺就成立。同一期永远使用同一份噪声，重复索取得到同一张表。"
        ),
        en=(
            f"{trustees} trustees each added discrete Gaussian noise to every cell, of scale: {en}."
            " If only one of them is honest the promise below holds. A period has the same noise "
            "for ever: who asks again gets the same table."
        ),
    )


def _promise(budget: BudgetEntry) -> Paragraph:
    so_far = budget.spent_millionths + budget.rho_millionths
    release, year, limit = (
        _budget_text(rho) for rho in (budget.rho_millionths, so_far, budget.limit_millionths)
    )
    delta = f"10^-{DELTA_EXPONENT}"
    return Paragraph(
        zh=(
            f"本次发布的隐私预算为 {release}；{budget.year} 年累计 {year}，全年上限 {limit}"
            f"（zCDP，delta = {delta}）。含义：无论某人是否参与，看到这张表的人对此人得出任何结论"
            "的几率，相差不超过 e 的 epsilon 次方倍（概率 delta 除外）。"
        ),
        en=(
            f"This release spends {release}; the year {budget.year} so far {year}, of at most "
            f"{limit} (zCDP, delta = {delta}). It means: whether or not a person took part, the "
            "odds that a reader of the table concludes anything about this person differ by a "
            "factor of at most e to the epsilon, but for the probability delta."
        ),
    )


def _budget_text(rho_millionths: int) -> str:
    epsilon = epsilon_thousandths(rho_millionths)
    # In words that both languages read: without an epsilon there is no promise.
    promise = "none" if epsilon is None else millionths_text(epsilon * 1_000)
    return f"rho = {millionths_text(rho_millionths)} (epsilon = {promise})"


def _accuracy(shell: TableShell, trustees: int) -> Paragraph:
    offs = [
        (item, margin_95(shell.sigma(item), 1, trustees), shell.offset(item))
        for item in shell.quantities
    ]
    zh = "；".join(
        f"{item.label.zh} ±{margin:,}，最坏 ±{worst:,}（{item.unit}）"
        for item, margin, worst in offs
    )
    en = "; ".join(
        f"{item.label.en} ±{margin:,}, at worst ±{worst:,} ({item.unit})"
        for item, margin, worst in offs
    )
    return Paragraph(
        zh=(
            "一个单元格的误差：一百次中九十五次在前一个数之内；后一个数是一家作弊的受托方最多能"
            f"造成的偏移：{zh}。合计行的误差随单元格数的平方根增加，作弊的偏移随单元格数增加。"
        ),
        en=(
            "What a cell can be off by: in 95 of 100 releases the first number; the second is what "
            f"one trustee that cheats could shift it by at most: {en}. For a sum of cells the "
            "first grows with the square root of their number, the second with their number."
        ),
    )


def _hidden(shell: TableShell) -> Paragraph:
    return Paragraph(
        zh=(
            f"含噪人数少于 {shell.people_min} 的行不显示；为使其无法由其他行算出，"
            "另有一些行也不显示。这不消耗隐私预算，隐私保护也不依赖于此，而依赖于噪声。"
        ),
        en=(
            f"Rows with fewer than {shell.people_min} people by the noisy count are not shown, and "
            "some others, so that they cannot be computed from the rest. This spends no budget, "
            "and privacy does not rest on it, but on the noise."
        ),
    )


_NOT_HIDDEN: Final = Paragraph(
    zh=(
        "不隐藏的内容：本计划及其发布日历、参与的合作方及各家登记账户的数量、噪声的尺度。"
        "许多人共同的习惯正是本表要说明的；受保护的是每一个人。"
    ),
    en=(
        "What is not hidden: that the programme exists and when it releases, which partners "
        "contributed and how many accounts each has enrolled, and how much noise there is. What "
        "many people do together is what the table is for; what is protected is each of them."
    ),
)
_NOT_PROVED: Final = Paragraph(
    zh=(
        "每人的上限由合作方在内部执行。零知识证明只表明一家合作方的数字不超过其全体登记账户"
        "按上限相加所能达到的数额，并不证明对每个人都执行了上限，也不证明数字属实。"
        "持两种证件登记的人，按两个人计。"
    ),
    en=(
        "Partners apply the bounds per person in-house. Proofs show only that a partner's numbers "
        "are no more than all its enrolled accounts together could add within the bounds, not that "
        "every person was bounded, nor that the numbers are true. Who is enrolled under two ids "
        "counts as two people."
    ),
)
_COLLUSION: Final = Paragraph(
    zh=(
        "达到密钥门限数量的受托方若串通，可以读取全部内容，包括单家合作方提交的数字；"
        "少于门限则不能。"
    ),
    en=(
        "Trustees that conspire in the number that the key asks for could read everything, what a "
        "single partner handed in included; fewer of them cannot."
    ),
)

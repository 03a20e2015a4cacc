# ruff: noqa: RUF001 - Chinese sentences end and pause with their own marks
"""What a report says, in Chinese and English; `{}` fields are filled in by `say`."""

from __future__ import annotations

import datetime as dt
from enum import Enum, StrEnum
from typing import Final

from fedcarbon.disclosure.leakage import Paragraph
from fedcarbon.disclosure.shell import Label

_MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


class Language(StrEnum):
    """A language of the report; the value stands in `lang` and in ids."""

    ZH = "zh"
    EN = "en"

    @property
    def tag(self) -> str:
        """The language's tag by BCP 47."""
        return "zh-Hans" if self is Language.ZH else "en"

    def of(self, said: Label | Paragraph) -> str:
        """Return the words of a shell or a table in this language."""
        return said.zh if self is Language.ZH else said.en

    def day(self, iso: str) -> str:
        """Return a date as people write it."""
        day = dt.date.fromisoformat(iso)
        if self is Language.ZH:
            return f"{day.year} 年 {day.month} 月 {day.day} 日"
        return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


class Phrase(Enum):
    """Everything that a report says beside the shell's own words."""

    zh: str
    en: str

    def __init__(self, zh: str, en: str) -> None:
        """Take the same in both languages."""
        self.zh, self.en = zh, en

    KICKER = ("受隐私保护的统计发布", "Privacy-protected statistics")
    PERIOD = ("第 {period} 期（共 {periods} 期）", "Period {period} of {periods}")
    DAYS = ("{first} 至 {last}", "{first} to {last}")
    PROGRAMME = ("项目 {programme}", "Programme {programme}")
    LANGUAGE = ("语言", "Language")
    KEY_FIGURES = ("主要数据", "Key figures")
    OFF_BY = ("误差范围 ±{margin}", "margin of error ±{margin}")
    SUMMARY = (
        "{days}，{partners} 家合作方报送了数据，{trustees} 家受托方加入了噪声。",
        "From {days}, {partners} partners contributed data and {trustees} trustees added noise.",
    )
    LARGEST = (
        "{quantity}最多的{dimension}是“{category}”，为 {number}（±{margin}）{unit}。",
        "{quantity}: the largest {dimension} was {category}, with {number} (±{margin}) {unit}.",
    )
    TOO_CLOSE = (
        (
            "{quantity}：“{category}”与“{other}”之差小于二者误差范围之和，无法判断哪个{dimension}更多。"
        ),
        (
            "{quantity}: {category} and {other} differ by less than their margins together, so "
            "that neither is known to be the larger {dimension}."
        ),
    )
    READING = ("如何阅读这些数字", "How to read these numbers")
    READ_NOISE = (
        (
            "每个数字在任何人看到之前都已加入随机噪声，受托方也没有见过准确数。“±”后面是误差范"
            "围：一百次发布中约有九十五次，噪声不超出该范围。"
        ),
        (
            "Random noise was added to every number before anybody saw it; not even the "
            "trustees have seen an exact one. The figure after ± is the margin of error: in "
            "about 95 of 100 releases the noise is no larger."
        ),
    )
    READ_BOUNDS = (
        (
            "误差范围只包含噪声。每人每期在每家合作方最多计入 {cells} 个单元格，每格数额有上限，"
            "超出部分不计，因此合计可能略微偏低。"
        ),
        (
            "The margin covers the noise alone. One person counts in at most {cells} cells per "
            "period and partner, and each cell has an upper limit; anything above is left out, "
            "so totals may be slightly low."
        ),
    )
    READ_PEOPLE = (
        (
            "“{people}”在每个单元格、每家合作方各计一次："
            "出现在多个单元格或多家合作方的人会被重复计入合计。"
        ),
        (
            "“{people}” counts a person once in every cell and at every partner, so that "
            "totals count whoever appears in several of them several times."
        ),
    )
    READ_ADJUSTED = (
        (
            "表中数字经过调整：不为负，且各行相加等于合计；显示时按误差范围取整。准确的数值与未"
            "调整的数值见 CSV 与 JSON 文件，需要再次加总时请使用未调整的数值。"
        ),
        (
            "Numbers shown are adjusted so that none is negative and rows add up to their "
            "totals, and rounded by their margins. The CSV and JSON files hold exact numbers, "
            "and the unadjusted ones: use those for further sums."
        ),
    )
    BY = ("{quantity}：按{dimension}", "{quantity} by {dimension}")
    TILES = ("{quantity}：{dimension}分布格图", "{quantity}: tile map by {dimension}")
    SERIES = ("{quantity}：各期变化", "{quantity} over the periods")
    FIGURE = ("图 {number}", "Figure {number}")
    TABLE = ("表 {number}", "Table {number}")
    BARS_NOTE = (
        "横条为估计值，横条末端的细线为误差范围（95%）。",
        "Bars show estimates; the thin line at the end of a bar is its 95% margin of error.",
    )
    SERIES_NOTE = (
        "线为全部单元格的合计，带状区域为误差范围（95%）。",
        "The line is the total of all cells, the band its 95% margin of error.",
    )
    TILES_NOTE = (
        "格子按代码表顺序排列，不代表地理位置；颜色越深，数值越大；斜线表示未显示。",
        (
            "Tiles follow the order of the code list, not geography; darker is more, hatched "
            "is hidden."
        ),
    )
    BARS_TEXT = (
        "条形图，共 {count} 行，单位：{unit}。数字见旁边的表格。",
        "Bar chart of {count} rows in {unit}; the table beside it gives the numbers.",
    )
    SERIES_TEXT = (
        "折线图，共 {count} 期，单位：{unit}。数字见旁边的表格。",
        "Line chart of {count} periods in {unit}; the table beside it gives the numbers.",
    )
    TILES_TEXT = (
        "格图，共 {count} 格，单位：{unit}。数字见上一个表格。",
        "Tile map of {count} tiles in {unit}; the table above it gives the numbers.",
    )
    UNIT = ("单位：{unit}", "in {unit}")
    ESTIMATE = ("估计值", "Estimate")
    MARGIN = ("误差范围", "Margin ±")
    SHARE = ("占比", "Share")
    PERIOD_COLUMN = ("期", "Period")
    LAST_DAY = ("截止日", "Last day")
    TOTAL = ("合计", "Total")
    HIDDEN = ("未显示", "hidden")
    ALL_ROWS = ("全部数据", "All rows")
    ALL_ROWS_NOTE = (
        (
            "每格为估计值 ± 误差范围；括号表示误差范围超过估计值的一半，须谨慎使用；“未显示”的"
            "含义见下节。"
        ),
        (
            "Estimates ± margins of error. Brackets mark estimates whose margin is more than "
            "half of them: use those with care. The next section says why rows are hidden."
        ),
    )
    HIDDEN_TITLE = ("未显示的行", "Hidden rows")
    HIDDEN_SOME = (
        (
            "{rows} 行中有 {hidden} 行未显示。加入噪声后的人数少于 {people} 人的行不显示；如果"
            "由其他行可以推算出某一未显示的行，则再隐藏一行。这些数字反映的主要是噪声，不应引用。"
        ),
        (
            "{hidden} of {rows} rows are hidden. A row is hidden if it has fewer than {people} "
            "people by the noisy count; and where a hidden row could be computed from the "
            "others, another one is hidden with it. Such numbers would say more about the "
            "noise than about anything else, and nobody should quote them."
        ),
    )
    HIDDEN_NONE = (
        "全部 {rows} 行均已显示：加入噪声后每行人数都不少于 {people} 人。",
        "All {rows} rows are shown: each has {people} people or more by the noisy count.",
    )
    LEAKAGE = ("本表会透露个人的什么信息", "What this table tells about a person")
    BUDGET = ("隐私预算", "Privacy budget")
    BUDGET_NOTE = (
        (
            "预算以 zCDP 的 ρ 计。写入记录即视为用去，无论是否发布成功；项目一年内的全部发布合"
            "计不得超出上限。"
        ),
        (
            "Budgets are given as rho of zCDP. They count as spent once they stand in the "
            "record, whether or not a table appears; all releases of the programme in a year "
            "share the limit."
        ),
    )
    THIS_RELEASE = ("本次发布", "This release")
    SPENT_BEFORE = ("{year} 年此前已用", "Spent before in {year}")
    YEAR_LIMIT = ("{year} 年上限", "Limit for {year}")
    LEFT = ("剩余", "Left")
    QUANTITY = ("指标", "Quantity")
    PER_CELL = ("每人每格上限", "Most per person and cell")
    RHO = ("预算 ρ", "Budget rho")
    SIGMA = ("每家受托方的噪声尺度 σ", "Noise scale sigma of each trustee")
    CELL_MARGIN = ("单元格误差范围", "Margin of a cell ±")
    NOISE = ("各指标的噪声", "Noise of each quantity")
    RECORD = ("与公开记录核对", "Tied to the record")
    RECORD_NOTE = (
        (
            "本页由下列记录条目生成。任何持有信任根文件的人都可以核对签名（fedcarbon stats "
            "report），审计方可以重放整个记录（fedcarbon audit verify）。"
        ),
        (
            "This page is made from the entries below. Whoever holds the trust roots can check "
            "the signatures (fedcarbon stats report); auditors replay the whole record "
            "(fedcarbon audit verify)."
        ),
    )
    SHELL = ("表样编号", "Name of the shell")
    SHELL_LEAF = ("表样：记录第 {index} 条", "Shell: leaf {index}")
    RELEASE_LEAF = ("发布：记录第 {index} 条", "Release: leaf {index}")
    TABLE_HASH = ("本期数据表 SHA-256", "SHA-256 of the table")
    PARAMETERS = ("参数集", "Parameter set")
    SIGNED_BY = ("签发", "Released by")
    CODE_LIST = ("代码表", "Code list")
    FOOTER = ("数字只可整体引用，并注明误差范围。", "Quote numbers with their margins of error.")


def say(language: Language, phrase: Phrase, **fields: object) -> str:
    """Return a phrase with its fields filled in, as text: not escaped."""
    text = phrase.zh if language is Language.ZH else phrase.en
    return text.format(**fields)

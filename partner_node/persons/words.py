"""Words for people, in the two languages of the methodologies."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import ClassVar, Final

from fedcarbon.errors import CallerError
from fedcarbon.methodology.crediting import NOT_WHOLE_MONTHS
from fedcarbon.methodology.definition import Methodology
from fedcarbon.methodology.reject_reason import RejectReason
from fedcarbon.units import Fen, millionths_text, yuan_text


class Language(StrEnum):
    """In which texts are given."""

    ZH = "zh"
    EN = "en"


class UnknownLanguageError(CallerError):
    """Texts are there in Chinese and in English."""

    code: ClassVar[str] = "UNKNOWN_LANGUAGE"


def language_named(text: str) -> Language:
    """Return the language `zh` or `en`; Chinese if none is named.

    Raises:
        UnknownLanguageError: another one.
    """
    try:
        return Language(text or Language.ZH)
    except ValueError as error:
        raise UnknownLanguageError("texts are there in zh and in en") from error


Words = Mapping[str, str]
"""Language to text."""

CLAIMED_ELSEWHERE: Final = "claimed_elsewhere"
HALF_LOST: Final = "half_lost"
ABOVE_CAP: Final = "above_cap"
EPOCH_MISSED: Final = "epoch_missed"
EPOCH_OPEN: Final = "epoch_open"
VERDICTS_OPEN: Final = "verdicts_open"
HISTORY_ONLY: Final = "history_only"

UNITS: Final[Mapping[str, Words]] = {
    "g": {"zh": "克", "en": " g"},
    "point": {"zh": "积分", "en": " points"},
    "fen": {"zh": "分", "en": " fen"},
    "eur_cent": {"zh": "欧分", "en": " euro cents"},
    "usd_cent": {"zh": "美分", "en": " US cents"},
    "krw": {"zh": "韩元", "en": " won"},
}

REASONS: Final[Mapping[str, Words]] = {
    CLAIMED_ELSEWHERE: {
        "zh": "同一时段或同一凭证已由其他合作方申报,证据更好或抽签在先,不重复计算",
        "en": "another partner claimed the same with better evidence, or by the draw between "
        "equals: nothing counts twice",
    },
    HALF_LOST: {
        "zh": "该活动至少一半的时段由其他合作方申报,其余部分也不再计算",
        "en": "at least half of it was claimed by another partner, so the rest does not count",
    },
    ABOVE_CAP: {
        "zh": "超过每人每天的上限",
        "en": "above what one person can earn on one day",
    },
    EPOCH_MISSED: {
        "zh": "本平台未能按时提交该周期的数据",
        "en": "this platform did not submit the epoch in time",
    },
    EPOCH_OPEN: {
        "zh": "等待本周期结束后申报",
        "en": "waits for the end of its epoch, when it is claimed",
    },
    VERDICTS_OPEN: {
        "zh": "已申报,等待裁定",
        "en": "claimed, and waits for the verdicts",
    },
    HISTORY_ONLY: {
        "zh": "项目开始前的数据,仅用于计算基准",
        "en": "from before the programme: it helps to find a baseline and earns nothing",
    },
    NOT_WHOLE_MONTHS: {
        "zh": "与往年比较的周期必须是完整的自然月",
        "en": "what is compared with earlier years must be whole calendar months",
    },
    RejectReason.DUPLICATE_ID_OTHER_CONTENT: {
        "zh": "同一编号已登记了不同内容",
        "en": "its id is recorded with other content",
    },
    RejectReason.OUTSIDE_PROGRAMME_DAYS: {
        "zh": "不在项目日期内",
        "en": "not wholly within the days of the programme",
    },
    RejectReason.UNKNOWN_METHODOLOGY: {
        "zh": "没有适用的方法学",
        "en": "no methodology is in use that counts it",
    },
    RejectReason.CONSENT_WITHDRAWN: {
        "zh": "授权已撤回",
        "en": "the consents were withdrawn",
    },
    RejectReason.LATE: {
        "zh": "数据到达时该周期已经截止",
        "en": "it came after the claims of its epoch were closed",
    },
    RejectReason.OVERLAPPING_ACTIVITY: {
        "zh": "同一时间已登记另一次出行",
        "en": "another trip is recorded at the same time",
    },
    RejectReason.OBJECT_SLOT_TAKEN: {
        "zh": "该电表、凭证、活动或车辆的这一时段已经登记",
        "en": "its meter's month, receipt, event or vehicle's day is recorded already",
    },
    RejectReason.OBJECT_NOT_EVALUATED: {
        "zh": "受托方未能按时处理其凭证",
        "en": "the trustees had not evaluated its object in time",
    },
    RejectReason.OBJECT_MISSING: {
        "zh": "缺少电表、凭证、活动或车辆的编号",
        "en": "its meter, receipt, event or vehicle is not named",
    },
    RejectReason.OBJECT_UNEXPECTED: {
        "zh": "凭证种类不符",
        "en": "it names an object that it cannot be about",
    },
    RejectReason.DURATION_ABOVE_MAXIMUM: {
        "zh": "持续时间过长",
        "en": "it lasts longer than anything of its kind can",
    },
    RejectReason.NOTHING_EARNED: {
        "zh": "按方法学计算没有减排",
        "en": "by its methodology it is worth nothing",
    },
    RejectReason.NOT_ENROLLED: {
        "zh": "该周期开始申报时账户尚未登记",
        "en": "the account was not enrolled when the epoch was planned",
    },
    RejectReason.ABOVE_CLAIM_QUOTA: {
        "zh": "超过本平台该周期可申报的数量",
        "en": "above what this platform may claim in the epoch",
    },
}
"""What the node itself decides; a methodology's own rules have their texts in its file."""

UNKNOWN: Final[Mapping[str, Words]] = {
    "other_partners": {
        "zh": "其他平台的数量:本平台无从得知",
        "en": "what you have at other platforms: this one cannot know it",
    },
    "balance": {
        "zh": "余额和已使用的数量:请查询您的钱包",
        "en": "your balance and what you have used: ask your wallet",
    },
    "winner": {
        "zh": "是哪个合作方申报了失去的时段:不会告知任何平台",
        "en": "which partner holds what was lost: no platform is told",
    },
    "stock": {
        "zh": "商品和活动预算的余量:请查询您的钱包",
        "en": "how much of an offer or a campaign is left: ask your wallet",
    },
}
"""What a partner's node cannot say, and who can."""


def amount_text(micro: int, unit: str, language: Language) -> str:
    """Return millionths of a unit for people, exact: `12.5 g`.

    Args:
        micro: not negative.
        unit: `g`, `point`, or a currency's smallest unit.
        language: of the unit's word.
    """
    word = UNITS.get(unit, {}).get(language, f" {unit}")
    return f"{millionths_text(micro)}{word}"


def money_text(fen: int, language: Language) -> str:
    """Return an amount in yuan for people."""
    text = yuan_text(Fen(fen))
    return text.replace(" yuan", "元") if language is Language.ZH else text


def reason_text(reason: str, methodology: Methodology | None, language: Language) -> str:
    """Return why something does not count: of the node, or of the methodology's own rule."""
    if reason in REASONS or methodology is None:
        unnamed = REASONS[RejectReason.UNKNOWN_METHODOLOGY]
        return REASONS.get(reason, unnamed)[language]
    return methodology.text_of(reason, language)

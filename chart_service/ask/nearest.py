"""Which approved questions are nearest to a new one: rare words in common, cut to rough stems, Russian and English."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

LEAST_LIKENESS = 0.12
"""Below it two questions share nothing but common words."""

_WORD = re.compile(r"[^\W_]+")
_RUSSIAN_ENDING = re.compile(
    r"(?:ыми|ими|ых|их|ого|его|ому|ему|ами|ями|иях|ией|иям|ями|ться|тся|ешь|ишь|ают|яют|уют|ить|ать|еть|ыть|"
    r"ов|ев|ей|ой|ий|ый|ая|яя|ое|ее|ие|ые|ым|им|ом|ем|ам|ям|ах|ях|ую|юю|ию|ия|ии|ть|ет|ит|ут|ют|ат|ят|ла|ло|ли|"
    r"а|я|о|е|и|ы|у|ю|ь|й)$"
)
_ENGLISH_ENDING = re.compile(r"(?:ings?|ers?|ies|es|ed|s|e|y)$")
_SHORTEST_STEM = 3


def stems(text: str) -> list[str]:
    """The words of a text, in small letters and without endings, as far as a few rules can tell."""
    words = _WORD.findall(text.casefold().replace("ё", "е"))
    return [_stem(word) for word in words]


def _stem(word: str) -> str:
    ending = (_ENGLISH_ENDING if word.isascii() else _RUSSIAN_ENDING).search(word)
    return word[: ending.start()] if ending and ending.start() >= _SHORTEST_STEM else word


def nearest(question: str, candidates: Sequence[str], count: int) -> list[int]:
    """Positions of the candidates most like the question, best first: at most ``count``, none with little in common.

    Words and pairs of neighbouring words count, each by how rare it is among the candidates.
    """
    bags = [_features(candidate) for candidate in candidates]
    frequency = Counter(feature for bag in bags for feature in bag)
    weight = {feature: math.log((1 + len(bags)) / (1 + times)) + 1 for feature, times in frequency.items()}
    rarest = math.log(1 + len(bags)) + 1
    asked = _weighed(_features(question), weight, rarest)
    likeness = [_cosine(asked, _weighed(bag, weight, rarest)) for bag in bags]
    best = sorted(range(len(bags)), key=lambda at: (-likeness[at], at))[:count]
    return [at for at in best if likeness[at] >= LEAST_LIKENESS]


def _features(text: str) -> Counter[str]:
    words = stems(text)
    return Counter(words) + Counter(f"{first} {second}" for first, second in pairwise(words))


def _weighed(bag: Counter[str], weight: dict[str, float], rarest: float) -> dict[str, float]:
    return {feature: (1 + math.log(times)) * weight.get(feature, rarest) for feature, times in bag.items()}


def _cosine(one: dict[str, float], other: dict[str, float]) -> float:
    product = sum(value * other[feature] for feature, value in one.items() if feature in other)
    lengths = math.sqrt(sum(value**2 for value in one.values())) * math.sqrt(sum(value**2 for value in other.values()))
    return product / lengths if lengths else 0.0

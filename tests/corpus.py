"""A small made-up corpus of four subjects in four languages, the same every time."""

from __future__ import annotations

import random

SUBJECTS = (
    "the river rose after days of rain and flooded banks bridges cellars streets",
    "das Spiel endete im Stadion mit einem Tor Trainer Elfmeter Jubel Kurve",
    "le marché vend fruits légumes poissons fromages fleurs pain épices miel",
    "学校 老师 学生 教室 书包 考试 图书馆 毕业 数学 操场",
)


def made_up_corpus(texts: int = 160, seed: int = 0) -> list[str]:
    """Texts of 12 to 40 words; text i is of subject i modulo 4, with a little of the others."""
    chance = random.Random(seed)
    subjects = [subject.split() for subject in SUBJECTS]
    every = [word for known in subjects for word in known]
    return [
        " ".join(
            chance.choice(subjects[number % 4] if chance.random() < 0.85 else every)
            for _ in range(chance.randint(12, 40))
        )
        for number in range(texts)
    ]

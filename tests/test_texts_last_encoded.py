"""The last texts are encoded once, and nothing else changes."""

from __future__ import annotations

import threading

import numpy as np

from picturedesk.texts.last_encoded import LastEncoded


class Counting:
    """A text encoder that notes what it encodes; a vector depends on how many come together."""

    width = 2
    fingerprint = "counting"

    def __init__(self):
        self.asked = []

    def encode(self, texts):
        self.asked.append(list(texts))
        return np.array([[len(text), len(texts)] for text in texts], dtype=np.float32)


def test_a_text_that_comes_again_is_not_encoded_again():
    counting = Counting()
    encoder = LastEncoded(counting)
    first = encoder.encode(["harbour"])
    first[:] = 0  # what a caller does to its copy changes nothing
    assert encoder.encode(["harbour"]).tolist() == [[7, 1]]
    assert encoder.encode(["\ud800"]).tolist() == [[1, 1]]
    assert counting.asked == [["harbour"], ["\ud800"]]


def test_texts_that_come_together_are_encoded_together():
    counting = Counting()
    encoder = LastEncoded(counting)
    encoder.encode(["harbour"])
    assert encoder.encode(["harbour", "sea"]).tolist() == [[7, 2], [3, 2]]
    assert encoder.encode(["sea"]).tolist() == [[3, 1]]
    assert encoder.encode([]).shape == (0,)
    assert counting.asked == [["harbour"], ["harbour", "sea"], ["sea"], []]


def test_only_the_last_texts_are_known():
    counting = Counting()
    encoder = LastEncoded(counting)
    for number in range(100):
        encoder.encode([str(number)])
        encoder.encode(["asked again and again"])
    counting.asked.clear()
    for text in ("99", "asked again and again", "0"):
        encoder.encode([text])
    assert counting.asked == [["0"]]


def test_threads_get_the_vectors_of_their_own_texts():
    encoder, wrong = LastEncoded(Counting()), []

    def ask(start: int) -> None:
        for number in range(300):
            text = "x" * ((start + number) % 90)
            if encoder.encode([text]).tolist() != [[len(text), 1]]:
                wrong.append(text)

    threads = [threading.Thread(target=ask, args=(7 * start,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong

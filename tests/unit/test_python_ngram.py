"""The n-gram that knows Python."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from scalinglaws.learners import NgramConfig, PythonNgramConfig
from scalinglaws.learners.python_ngram import _key, _names, _read
from scalinglaws.text import encode, from_documents
from scalinglaws.text.corpora import Corpus
from scalinglaws.training import Run, train


def seen(text: str):  # type: ignore[no-untyped-def]
    tokens = encode(text)[None].astype(np.int64)
    return tokens, _read(tokens)


@pytest.fixture(scope="module")
def code() -> Corpus:
    rng = np.random.default_rng(0)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    texts = {}
    for i in range(600):
        first, second = ("".join(rng.choice(letters, 7)) for _ in range(2))
        texts[f"{i}.py"] = (
            f"def {first}({second}):\n    if {second}:\n        return {first}\n"
            f"    {second} = 1\n    return {second}\n"
        )
    return from_documents(texts, "functions")


def test_names_begin_where_they_do_and_their_letters_are_remembered() -> None:
    text = "ab = cd(ab1)\n"
    _, found = seen(text)
    assert found.begins[0].tolist() == [0, 0, 3, 4, 5, 5, 5, 8, 8, 8, 8, 12, 13]
    assert found.token[0, 1] == _key("ab") and found.token[0, 10] == _key("ab1")


def test_indentation_of_this_line_and_the_one_before() -> None:
    _, found = seen("x\nif a:\n    return 1\n    b\n")
    spaces, above = found.spaces[0].tolist(), found.indentation[0].tolist()
    assert spaces[1] == 0 and spaces[7:13] == [0, 1, 2, 3, 4, -1]
    assert above[1] == -1, "the first line may have begun before the window"
    assert above[-1] == 4 and above[7] == 0
    left = found.layout[0] % 2
    assert left[20] == 1 and left[7] == 0, "only the line with return leaves its block"
    ended = found.layout[0] // 2 % 128
    assert chr(ended[7]) == ":"


def test_names_that_stand_earlier_and_fit_say_how_they_go_on() -> None:
    tokens, found = seen("alpha = album\nal")
    p, many = _names(tokens, found, 128)
    assert many[0, -1] == 2
    assert p[0, -1, ord("p")] == p[0, -1, ord("b")] == 0.5
    tokens, found = seen("alpha = beta\nalp")
    p, many = _names(tokens, found, 128)
    assert many[0, -1] == 1 and p[0, -1, ord("h")] == 1
    assert p.sum(-1) == pytest.approx(1)


def test_probabilities_sum_to_one_and_see_nothing_that_comes_later(code: Corpus) -> None:
    model = train(Run(PythonNgramConfig(order=5), 8_192), code).model
    tokens = torch.from_numpy(code.windows("val", 32)[:8, :-1].astype(np.int64))[None]
    log_p = model(tokens)
    assert log_p.exp().sum(-1).numpy() == pytest.approx(1)
    changed = tokens.clone()
    changed[..., 20:] = ord("z")
    assert torch.allclose(model(changed)[..., :20, :], log_p[..., :20, :])


def test_it_knows_names_that_counts_cannot_know(code: Corpus) -> None:
    """The names are random: what comes after their first letters stands in the window alone."""
    plain, knowing = (
        train(Run(config(order=7, context=64), 2**15), code).loss
        for config in (NgramConfig, PythonNgramConfig)
    )
    assert knowing < 0.85 * plain


def test_the_same_counts_give_the_same_model_and_it_says_its_size(code: Corpus) -> None:
    run = Run(PythonNgramConfig(order=4), 4_096)
    first, again = train(run, code), train(run, code)
    assert first.loss == again.loss
    assert first.model.params() > train(Run(NgramConfig(order=4), 4_096), code).model.params()
    with pytest.raises(ValueError, match="as many parameters"):
        run.model.params()
    with pytest.raises(ValueError, match="counted nothing"):
        run.model.build([0]).params()
    assert first.row()["learner"] == "python-ngram" and first.row()["window"] == 3


def test_few_windows_are_enough(code: Corpus) -> None:
    assert train(Run(PythonNgramConfig(order=3), 128), code).loss < np.log(128) * 1.1


def test_it_knows_ascii_alone() -> None:
    with pytest.raises(ValueError, match="vocab_size must be 128"):
        PythonNgramConfig(vocab_size=200)

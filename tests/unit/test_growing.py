"""What chapters 11 and 12 are made with: `scalinglaws.course.growing`, `beliefs`, and `tries`."""

from __future__ import annotations

import doctest

import numpy as np
import pytest
import torch
from scipy.stats import ttest_ind

from scalinglaws.course import beliefs, growing
from scalinglaws.learners import TransformerConfig
from scalinglaws.metrics import log_probabilities, tries
from scalinglaws.text import (
    Addition,
    FalseBelief,
    arithmetic,
    programs,
    running_product,
    translation,
)

MODULES = [growing, beliefs, arithmetic, programs, running_product, translation]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_the_examples_run(module: object) -> None:
    tests = doctest.testmod(
        module, extraglobs={"np": np}, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    )
    assert tests.attempted and not tests.failed


def test_two_processes_train_what_one_does() -> None:
    task = Addition(1)
    plans = {width: (task, growing.lanes(task, width, 3, seeds=2)) for width in (4, 8)}
    alone = growing.train_all(plans, examples=200, workers=1)
    both = growing.train_all(plans, examples=200)
    assert [m.config.width for m in both[8]] == [8, 8]  # the dearer stack, trained in two parts
    apart = [growing.train_all({0: (task, [run])}, examples=200, workers=1)[0][0]
             for run in plans[8][1]]  # fmt: skip
    for one, two in zip(alone[8], apart, strict=True):
        assert all(map(torch.equal, one.parameters(), two.parameters()))
    for width in plans:
        for one, two in zip(alone[width], both[width], strict=True):
            pairs = zip(one.parameters(), two.parameters(), strict=True)
            assert all(torch.equal(a, b) for a, b in pairs)


def test_a_contrast_of_two_groups_is_that_of_welch() -> None:
    a, b = [3.0, 4.5, 5.0, 7.0], [1.0, 1.5, 1.2]
    made = growing.contrast((1, a), (-1, b))
    known = ttest_ind(a, b, equal_var=False).confidence_interval(0.95)
    assert (made.low, made.high) == pytest.approx((known.low, known.high))
    assert growing.contrast((1, [1, 1]), (-1, [0, 0])).low == 1
    with pytest.raises(ValueError, match="two values"):
        growing.contrast((1, [1.0]), (-1, b))


def test_the_first_try_that_passes_is_handed_in() -> None:
    rng = np.random.default_rng(0)
    passes, right = rng.random((2, 50, 8)) < 0.3
    for k in (1, 4, 8):
        for row, found in enumerate(growing.first_passing(passes, right, k)):
            first = [right[row, i] for i in range(k) if passes[row, i]][:1]
            assert found == any(first)


def test_kinds_of_the_probes() -> None:
    stories = FalseBelief()
    tests = beliefs.exams(stories, n=300)
    for test, prompts in tests.items():
        kinds = beliefs.kind_of(stories, test, prompts)
        for prompt, kind in zip(prompts, kinds, strict=True):
            text = stories.render(prompt)
            asked = text.split("Where ")[1].split()[1]
            if test == "told later":
                assert (kind == "told") == (f"tells {asked}" in text)
            if test == "two moves":
                events = text.split(". ")[2:6]
                gone, missed = False, []
                for event in events:
                    gone = gone or "leaves" in event
                    gone = gone and "returns" not in event
                    missed += [gone] if "moves" in event else []
                name = {(True, True): "missed both", (False, True): "missed last"}
                assert kind == name.get(tuple(missed), "saw last")


def test_varied_stories_hold_the_first_two_probes() -> None:
    stories = FalseBelief(varied=True)
    text = [stories.render(example) for example in stories.make(600, seed=0)]
    assert 60 < sum(t.count("moves it to") == 2 for t in text) < 140
    assert all("Where" in t for t in text)
    plain = [FalseBelief().render(e) for e in FalseBelief().make(600, seed=0)]
    assert not any(t.count("moves it to") == 2 for t in plain)


class TestTries:
    TASK = Addition(1)

    def model(self, stack: int = 1) -> torch.nn.Module:
        torch.manual_seed(0)
        model = TransformerConfig(8, context=5, vocab_size=12).build(list(range(stack)))
        with torch.no_grad():
            for weight in model.parameters():
                weight.add_(0.3 * torch.randn_like(weight))
        return model.eval()

    def test_they_are_drawn_from_the_models_probabilities(self) -> None:
        model, prompts = self.model(), self.TASK.make(3, seed=0)[:, :4]
        drawn = tries(model, self.TASK, prompts, 4_000, temperature=0.7, seed=1)
        assert drawn.shape == (3, 4_000, 2)
        for prompt, answers in zip(prompts, drawn, strict=True):
            for first in np.unique(answers[:, 0]):
                here = answers[answers[:, 0] == first]
                example = np.concatenate([prompt, [first, 0]])[None]
                log_p = log_probabilities(model, example, 4)[0, 0]
                p = np.exp(log_p / 0.7)
                for place, many, chance in (
                    (0, answers, p[0] / p[0].sum()),
                    (1, here, p[1] / p[1].sum()),
                ):
                    seen = np.bincount(many[:, place], minlength=12) / len(many)
                    error = 5 * np.sqrt(chance * (1 - chance) / len(many)) + 1e-3
                    assert (np.abs(seen - chance) < error).all()

    def test_the_seed_decides_and_a_stack_is_refused(self) -> None:
        prompts = self.TASK.make(3, seed=0)[:, :4]
        same = [tries(self.model(), self.TASK, prompts, 5, seed=2) for _ in range(2)]
        assert np.array_equal(*same)
        with pytest.raises(ValueError, match="a stack of 2"):
            tries(self.model(2), self.TASK, prompts, 5)
        with pytest.raises(ValueError, match="temperature"):
            tries(self.model(), self.TASK, prompts, 5, temperature=0)

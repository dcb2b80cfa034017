"""Tasks that are new in every prompt: `scalinglaws.text.few_shot`."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from scalinglaws.text import FewShot

SMALL = FewShot(words=6, classes=2, labels=3, pairs=4, held_out_maps=0.5)


def rows(maps: np.ndarray) -> set[tuple[int, ...]]:
    return set(map(tuple, maps.tolist()))


class TestMaps:
    def test_every_map_is_on_one_side(self) -> None:
        task = FewShot()
        new, known = rows(task.new_maps), rows(task.training_maps)
        assert not new & known
        assert new | known == set(itertools.permutations(range(8), 4))
        assert len(new) == 336

    def test_fewer_training_maps_are_the_first(self) -> None:
        few, all_ = FewShot(maps=16), FewShot()
        assert np.array_equal(few.training_maps, all_.training_maps[:16])
        assert np.array_equal(few.new_maps, all_.new_maps)
        assert rows(FewShot(seed=1).new_maps) != rows(all_.new_maps)

    def test_examples_keep_to_their_side(self) -> None:
        task = FewShot(pairs=30, maps=40)
        corpus = task.corpus(200, 200)
        for part, maps in ((corpus.train, task.training_maps), (corpus.val, task.new_maps)):
            examples = part.reshape(200, -1)
            classes = task.class_of[examples[:, ::2]]
            labels = task.labels_in(examples) - task.words
            for one, told in zip(classes, labels, strict=True):
                fits = (maps[:, one] == told).all(axis=1)
                assert fits.any()

    def test_new_or_not(self) -> None:
        task = FewShot(maps=1)
        known = task.make(50, 0, new=False)
        labels = task.labels_in(known) - task.words
        assert np.array_equal(labels, task.training_maps[0][task.class_of[known[:, ::2]]])


class TestExamples:
    def test_only_labels_count(self) -> None:
        task = FewShot(pairs=3)
        assert task.scored == (True, False, True, False, True)
        corpus = task.corpus(10, 10)
        assert corpus.scored == task.scored and corpus.best_loss == task.best_loss

    def test_a_label_is_determined_once_its_class_was_shown(self) -> None:
        task = SMALL
        example = task.encode("ba A be B bi A bo B")[None]
        assert task.determined(example).tolist() == [[False, False, True, True]]

    def test_the_last_label_is_solved_where_it_follows(self) -> None:
        task = FewShot()
        examples = task.make(300, seed=0)
        follows = task.determined(examples)[:, -1]
        assert 0.8 < follows.mean() < 1
        right = task.solve(examples[:, :-1])[:, 0] == examples[:, -1]
        assert right[follows].all() and not right[~follows].all()

    def test_a_corpus_is_the_longer_ones_beginning(self) -> None:
        short, long = SMALL.corpus(5_000, 500, seed=3), SMALL.corpus(9_000, 500, seed=3)
        assert np.array_equal(short.train, long.train[: short.train.size])
        assert np.array_equal(short.val, long.val)

    def test_the_label_shown_most(self) -> None:
        task = SMALL
        example = task.encode("ba B be A bi B bo A")[None]
        assert task.render(task.most_shown(example)[0]) == "A B A B"


class TestBayes:
    def test_against_counting(self) -> None:
        """Every example of the small task, weighed by hand."""
        task = SMALL
        maps = np.array(list(itertools.permutations(range(3), 2)))
        example = task.encode("ba A bi A be C bo B")[None]  # the fourth contradicts all maps
        told = task.predictive(example)[0]
        assert told[0] == pytest.approx([1 / 3] * 3)
        assert told[1] == pytest.approx([1, 0, 0])  # the same class
        assert told[2] == pytest.approx([0, 1 / 2, 1 / 2])
        assert told[3] == pytest.approx([0, 0, 1])
        assert len(maps) == len(task.new_maps) + len(task.training_maps)

    def test_curve_and_loss_are_what_it_gets(self) -> None:
        task = FewShot()
        examples = np.concatenate([task.make(3_000, 0), task.make(9_000, 1, new=False)])
        told = task.predictive(examples)
        labels = task.labels_in(examples) - task.words
        p = np.take_along_axis(told, labels[:, :, None], axis=2)[..., 0]
        assert -np.log(p).mean() == pytest.approx(task.best_loss, abs=0.015)
        hits = (told.argmax(2) == labels).mean(0)
        assert hits == pytest.approx(task.best_accuracy, abs=0.02)

    def test_one_that_knows_few_maps(self) -> None:
        task = FewShot(maps=1)
        known = task.make(50, 0, new=False)
        told = task.predictive(known, task.training_maps)
        assert (told.argmax(2) == task.labels_in(known) - task.words).all()
        new = task.make(200, 0)
        told = task.predictive(new, task.training_maps)
        assert (told.argmax(2) == task.labels_in(new) - task.words).mean() < 0.3


@pytest.mark.parametrize(
    ("arguments", "saying"),
    [
        ({"words": 30}, "classes of equal size"),
        ({"labels": 3}, "labels must lie from 4"),
        ({"held_out_maps": 0}, "maps on both sides"),
        ({"maps": 1345}, "maps must lie from 1 to 1,?344"),
        ({"pairs": 0}, "pairs must"),
    ],
)
def test_what_makes_no_task_is_refused(arguments: dict, saying: str) -> None:
    with pytest.raises(ValueError, match=saying):
        FewShot(**arguments)


def test_what_is_no_example_is_refused() -> None:
    with pytest.raises(ValueError, match="a label must stand"):
        SMALL.determined(SMALL.encode("ba be ba be ba be ba be")[None])

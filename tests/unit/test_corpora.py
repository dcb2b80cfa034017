"""Where tokens come from: `scalinglaws.text`."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalinglaws.text import (
    END_OF_FILE,
    UNKNOWN,
    Addition,
    Corpus,
    FalseBelief,
    KnownEntropy,
    Markov,
    corpora,
    decode,
    encode,
    from_documents,
)

ROOT = Path(__file__).parents[2]
FOLDER = "somepackage"
WRITING = "def greet(name):\n    return 'hello ' + name\n"
printable = st.text(
    st.characters(max_codepoint=127, exclude_characters=[chr(END_OF_FILE), chr(UNKNOWN)])
)


def some_documents(count: int = 200) -> dict[str, str]:
    return {f"name {i}": f"text number {i} of many" for i in range(count)}


def documents_in(tokens: np.ndarray) -> list[str]:
    """The documents of one part of a corpus, cut at the end-of-file tokens."""
    assert tokens[-1] == END_OF_FILE
    return decode(tokens[:-1]).split("\u2400")


class TestEncoding:
    @given(printable)
    def test_ascii_survives_the_round_trip(self, text: str) -> None:
        assert decode(encode(text)) == text

    @given(st.text(st.characters(exclude_categories=[])))
    def test_any_text_gives_one_token_below_128_per_character(self, text: str) -> None:
        tokens = encode(text)
        assert tokens.dtype == np.uint8 and tokens.shape == (len(text),)
        assert (tokens < 128).all()

    def test_tokens_are_ascii_codes(self) -> None:
        assert encode("Az 0\n").tolist() == [65, 122, 32, 48, 10]

    @pytest.mark.parametrize("character", ["é", "中", "😀", "\x80", "\ud800"])
    def test_a_character_outside_ascii_is_unknown(self, character: str) -> None:
        assert encode(f"a{character}b").tolist() == [97, UNKNOWN, 98]
        assert decode(encode(f"a{character}b")) == "a\ufffdb"

    def test_the_end_of_a_file_is_shown(self) -> None:
        assert decode(np.array([97, END_OF_FILE, 98])) == "a\u2400b"

    @pytest.mark.parametrize("tokens", [[128], [-1], [65, 255]])
    def test_decode_refuses_what_is_no_character(self, tokens: list[int]) -> None:
        with pytest.raises(ValueError, match="0 to 127"):
            decode(np.array(tokens))

    @pytest.mark.parametrize("text", [None, b"bytes", 5])
    def test_encode_refuses_what_is_no_text(self, text: object) -> None:
        with pytest.raises(TypeError, match="takes a string"):
            encode(text)


class TestCorpus:
    def test_arrays_are_read_only(self) -> None:
        corpus = from_documents(some_documents(), "texts")
        for tokens in (corpus.train, corpus.val):
            with pytest.raises(ValueError, match="read-only"):
                tokens[0] = 1

    def test_later_changes_to_the_given_array_do_not_reach_it(self) -> None:
        given_array = np.zeros(10, dtype=np.uint8)
        corpus = Corpus("mine", given_array, given_array, vocab_size=2)
        given_array[:] = 1
        assert not corpus.train.any() and not corpus.val.any()

    def test_a_locked_view_of_an_open_array_is_copied(self) -> None:
        open_array = np.zeros(10, dtype=np.uint8)
        view = open_array[:]
        view.flags.writeable = False
        corpus = Corpus("mine", view, view, vocab_size=2)
        open_array[:] = 1
        assert not corpus.train.any() and not corpus.val.any()

    def test_an_array_that_nobody_can_write_to_is_not_copied(self) -> None:
        shut = np.zeros(10, dtype=np.uint8)
        shut.flags.writeable = False
        assert np.shares_memory(Corpus("mine", shut, shut[2:], vocab_size=2).val, shut)

    @pytest.mark.parametrize(
        "copied", [copy.copy, copy.deepcopy, lambda corpus: pickle.loads(pickle.dumps(corpus))]
    )
    def test_a_copy_is_read_only_too(self, copied: Callable[[Corpus], Corpus]) -> None:
        tokens = np.arange(12, dtype=np.uint8)
        corpus = Corpus("mine", tokens, tokens, 128, train_targets=tokens, val_targets=tokens)
        before = corpus.fingerprint
        again = copied(corpus)
        for name in ("train", "val", "train_targets", "val_targets"):
            assert np.array_equal(getattr(again, name), tokens)
            with pytest.raises(ValueError, match="read-only"):
                getattr(again, name)[0] = 1
        assert again == corpus and again.fingerprint == before == corpus.fingerprint

    def test_a_copy_takes_its_fingerprint_anew(self) -> None:
        """A copy with other tokens, by whatever means, never keeps the old fingerprint."""
        tokens = np.arange(12, dtype=np.uint8)
        corpus = Corpus("mine", tokens, tokens, 128)
        other = Corpus("mine", tokens[::-1], tokens, 128)
        state = {**vars(corpus), "fingerprint": corpus.fingerprint, "train": other.train}
        again = Corpus.__new__(Corpus)
        again.__setstate__(state)
        assert again.fingerprint == other.fingerprint != corpus.fingerprint

    def test_fingerprints_are_what_they_were(self) -> None:
        """Runs are stored under them, so none of these may change."""
        a = np.arange(40, dtype=np.uint8)
        scored = (False, True, True)
        fingerprints = {
            "7942d00d7e89": Corpus("running", a, a[::-1], 128),
            "3e746cfa5e27": Corpus("examples", a, a[:20], 40, example_length=4),
            "6e33a15bbaa3": Corpus("scored", a, a[:20], 40, example_length=4, scored=scored),
            "2cba19c32941": from_documents(some_documents(), "texts", validation_share=0.3),
            "d296a9d0288b": Addition().corpus(500, 100),
            "e2e3fa25af8c": KnownEntropy().corpus(500, 100),
            "05f42a380fee": FalseBelief().corpus(500, 100),
            "98e658fec1da": Markov().corpus(3000, 500, seed=1),
        }
        found = [corpus.fingerprint for corpus in fingerprints.values()]
        assert found == list(fingerprints)

    def test_the_fingerprint_sees_every_token_and_the_parts(self) -> None:
        a = np.array([1, 2, 3, 4], dtype=np.uint8)
        changed = np.array([1, 2, 3, 5], dtype=np.uint8)
        same = Corpus("a", a, a, 128)
        prints = {
            same.fingerprint,
            Corpus("a", changed, a, 128).fingerprint,
            Corpus("a", a, changed, 128).fingerprint,
            Corpus("a", a[:3], np.r_[a[3:], a].astype(np.uint8), 128).fingerprint,
        }
        assert len(prints) == 4
        assert Corpus("another name", a, a, 128) == same
        assert hash(Corpus("another name", a, a, 128)) == hash(same)
        assert Corpus("a", changed, a, 128) != same

    @pytest.mark.parametrize(
        ("train", "message"),
        [
            (np.zeros(10, dtype=np.int64), "uint8"),
            (np.zeros((2, 5), dtype=np.uint8), "one-dimensional"),
            (np.zeros(0, dtype=np.uint8), "empty"),
            (np.array([4], dtype=np.uint8), "vocab_size is 4"),
        ],
    )
    def test_tokens_that_cannot_be_used_are_refused(self, train: np.ndarray, message: str) -> None:
        good = np.zeros(3, dtype=np.uint8)
        with pytest.raises(ValueError, match=message):
            Corpus("bad", train, good, vocab_size=4)
        with pytest.raises(ValueError, match=message):
            Corpus("bad", good, train, vocab_size=4)


class TestWindows:
    """What a model reads at a time."""

    @pytest.mark.parametrize(
        ("size", "starts"), [(9, [0]), (16, [0]), (17, [0, 8]), (24, [0, 8]), (25, [0, 8, 16])]
    )
    def test_running_text_is_cut_so_that_each_token_is_predicted_once(
        self, size: int, starts: list[int]
    ) -> None:
        tokens = np.arange(size, dtype=np.uint8)
        corpus = Corpus("numbers", tokens, tokens[::-1], 128)
        windows = corpus.windows("train", 8)
        assert windows.shape == (len(starts), 9)
        assert windows[:, 0].tolist() == starts
        assert (np.diff(windows.astype(int), axis=1) == 1).all()
        assert np.array_equal(windows[1:, 0], windows[:-1, -1]), "only this token comes twice"
        assert corpus.windows("val", 8)[0].tolist() == list(range(size - 1, size - 10, -1))

    @pytest.mark.parametrize("part", ["train", "val"])
    def test_a_part_shorter_than_one_window_is_refused(self, part: str) -> None:
        tokens = {"train": np.zeros(50, np.uint8), "val": np.zeros(50, np.uint8)}
        tokens[part] = np.zeros(8, np.uint8)
        corpus = Corpus("short", **tokens, vocab_size=2)
        with pytest.raises(ValueError, match=f"the {part} part of short is shorter than one"):
            corpus.windows(part, 8)

    def test_they_are_views_that_cannot_be_written_to(self) -> None:
        tokens = np.arange(100, dtype=np.uint8)
        for corpus in (Corpus("a", tokens, tokens, 128), in_examples(tokens, 4)):
            windows = corpus.windows("train", 3)
            assert np.shares_memory(windows, corpus.train)
            with pytest.raises(ValueError, match="read-only"):
                windows[0, 0] = 1

    def test_examples_are_taken_whole(self) -> None:
        windows = in_examples(np.arange(20, dtype=np.uint8), 4).windows("train", 3)
        assert windows.tolist() == np.arange(20).reshape(5, 4).tolist()

    @pytest.mark.parametrize("context", [1, 2, 4, 8])
    def test_examples_need_the_context_of_their_length(self, context: int) -> None:
        corpus = in_examples(np.zeros(20, np.uint8), 4)
        with pytest.raises(ValueError, match=f"context must be 3, not {context}"):
            corpus.windows("train", context)


def in_examples(tokens: np.ndarray, length: int, **more: object) -> Corpus:
    return Corpus("examples", tokens, tokens, 128, example_length=length, **more)


class TestExamples:
    def test_a_part_holds_whole_examples(self) -> None:
        whole, broken = np.zeros(12, np.uint8), np.zeros(13, np.uint8)
        for parts in ((whole, broken), (broken, whole)):
            with pytest.raises(ValueError, match="13 tokens, not a whole number of examples of 4"):
                Corpus("broken", *parts, vocab_size=2, example_length=4)

    @pytest.mark.parametrize("length", [-1, 0, 1])
    def test_an_example_has_a_token_and_one_to_predict(self, length: int) -> None:
        with pytest.raises(ValueError, match="example_length must be at least 2"):
            in_examples(np.zeros(12, np.uint8), length)

    @pytest.mark.parametrize("scored", [(), (True,), (True,) * 4])
    def test_what_is_scored_has_an_entry_for_each_prediction(
        self, scored: tuple[bool, ...]
    ) -> None:
        with pytest.raises(ValueError, match="one entry for each"):
            in_examples(np.zeros(12, np.uint8), 4, scored=scored)

    def test_running_text_is_scored_everywhere(self) -> None:
        tokens = np.zeros(12, np.uint8)
        with pytest.raises(ValueError, match="one entry for each of example_length"):
            Corpus("text", tokens, tokens, 2, scored=(True, True))

    def test_something_must_be_scored(self) -> None:
        with pytest.raises(ValueError, match="no token to count"):
            in_examples(np.zeros(12, np.uint8), 4, scored=(False, False, False))

    def test_the_vocabulary_names_every_token(self) -> None:
        tokens = np.zeros(12, np.uint8)
        named = Corpus("named", tokens, tokens, 2, vocabulary=("no", "yes"))
        assert named == Corpus("unnamed", tokens, tokens, 2)
        with pytest.raises(ValueError, match="names 3 tokens, vocab_size is 2"):
            Corpus("named", tokens, tokens, 2, vocabulary=("no", "yes", "perhaps"))

    def test_the_fingerprint_sees_what_a_run_learns_from(self) -> None:
        tokens = np.zeros(12, np.uint8)
        prints = {
            Corpus("text", tokens, tokens, 128).fingerprint,
            in_examples(tokens, 4).fingerprint,
            in_examples(tokens, 3).fingerprint,
            in_examples(tokens, 4, scored=(False, False, True)).fingerprint,
            in_examples(tokens, 4, scored=(False, True, False)).fingerprint,
        }
        assert len(prints) == 5
        all_scored = in_examples(tokens, 4, scored=(True, True, True))
        assert all_scored == in_examples(tokens, 4, best_loss=0.5), "the same losses"


class TestTargets:
    """Something else to predict than the next token."""

    tokens = np.arange(20, dtype=np.uint8)

    def with_targets(self, **more: object) -> Corpus:
        targets = {"train_targets": self.tokens + 100, "val_targets": self.tokens[::-1]}
        return Corpus("targets", self.tokens, self.tokens, 128, **{**targets, **more})

    @pytest.mark.parametrize(("context", "more"), [(8, {}), (4, {}), (3, {"example_length": 4})])
    def test_they_are_cut_as_the_windows_are(self, context: int, more: dict) -> None:
        corpus = self.with_targets(**more)
        windows = corpus.windows("train", context)
        assert np.array_equal(corpus.targets("train", context), windows + 100)
        assert np.array_equal(corpus.targets("val", context), 19 - corpus.windows("val", context))
        with pytest.raises(ValueError, match="read-only"):
            corpus.targets("train", context)[0, 0] = 1

    def test_without_them_the_tokens_are_predicted(self) -> None:
        corpus = Corpus("plain", self.tokens, self.tokens, 128)
        assert corpus.targets("train", 4) is None and corpus.targets("val", 4) is None
        assert "targets" not in str(corpus)
        assert "targets other than the next token" in str(self.with_targets())

    def test_the_context_must_fit_them_too(self) -> None:
        with pytest.raises(ValueError, match="context must be 3, not 4"):
            self.with_targets(example_length=4).targets("train", 4)

    def test_the_fingerprint_sees_them(self) -> None:
        corpus = self.with_targets()
        changed = self.tokens.copy()
        changed[-1] = 0
        prints = {
            corpus.fingerprint,
            replace(corpus, train_targets=changed).fingerprint,
            replace(corpus, val_targets=changed).fingerprint,
            replace(corpus, train_targets=None, val_targets=None).fingerprint,
            self.with_targets(example_length=4).fingerprint,
        }
        assert len(prints) == 5
        assert self.with_targets() == corpus

    @pytest.mark.parametrize(
        ("more", "saying"),
        [
            ({"train_targets": None}, "both train_targets and val_targets"),
            ({"val_targets": None}, "both train_targets and val_targets"),
            ({"train_targets": np.zeros(19, np.uint8)}, "train_targets holds 19 .* train 20"),
            ({"val_targets": np.zeros(21, np.uint8)}, "val_targets holds 21 .* val 20"),
            ({"val_targets": np.zeros(20, int)}, "val_targets must be .* uint8"),
            ({"train_targets": np.zeros((4, 5), np.uint8)}, "train_targets must be a one-dim"),
            ({"train_targets": np.full(20, 128, np.uint8)}, "train_targets holds token 128"),
        ],
    )
    def test_targets_that_cannot_be_used_are_refused(self, more: dict, saying: str) -> None:
        with pytest.raises(ValueError, match=saying):
            self.with_targets(**more)


class TestFromDocuments:
    def test_whole_documents_go_to_one_part_each_and_none_is_lost(self) -> None:
        documents = some_documents()
        corpus = from_documents(documents, "texts", validation_share=0.3)
        train, val = documents_in(corpus.train), documents_in(corpus.val)
        assert sorted(train + val) == sorted(documents.values())

    def test_the_share_is_about_what_was_asked_for(self) -> None:
        documents = some_documents(2_000)
        corpus = from_documents(documents, "texts", validation_share=0.3)
        share = len(documents_in(corpus.val)) / len(documents)
        assert abs(share - 0.3) < 4 * (0.3 * 0.7 / len(documents)) ** 0.5

    def test_the_order_of_the_mapping_does_not_matter(self) -> None:
        documents = some_documents()
        backwards = dict(reversed(documents.items()))
        assert list(documents) != list(backwards)
        assert from_documents(documents, "a") == from_documents(backwards, "b")

    def test_the_order_is_not_that_of_the_names(self) -> None:
        train = documents_in(from_documents(some_documents(), "texts").train)
        assert train != sorted(train)

    def test_more_documents_leave_the_others_in_their_part(self) -> None:
        few = from_documents(some_documents(200), "few")
        many = from_documents(some_documents(400), "many")
        assert set(documents_in(few.val)) < set(documents_in(many.val))
        assert set(documents_in(few.train)) < set(documents_in(many.train))

    def test_a_text_that_both_parts_would_hold_is_kept_in_validation_alone(self) -> None:
        first = from_documents(some_documents(), "texts")
        held, trained = documents_in(first.val)[0], documents_in(first.train)[0]
        twice = some_documents()
        name = next(name for name, text in twice.items() if text == trained)
        twice[name] = held
        corpus = from_documents(twice, "texts")
        assert documents_in(corpus.val).count(held) == 1
        assert held not in documents_in(corpus.train)

    def test_copies_that_differ_in_white_space_alone_are_copies(self) -> None:
        documents = some_documents()
        copies = {f"copy {name}": text.replace(" ", "\n  ") for name, text in documents.items()}
        corpus = from_documents(documents | copies, "texts")
        kept = documents_in(corpus.train) + documents_in(corpus.val)
        assert len(kept) == len(documents)

    @pytest.mark.parametrize("share", [0, 1, -0.1, 1.5, float("nan")])
    def test_a_share_outside_0_to_1_is_refused(self, share: float) -> None:
        with pytest.raises(ValueError, match="between 0 and 1"):
            from_documents(some_documents(), "texts", validation_share=share)

    @pytest.mark.parametrize(("count", "share"), [(0, 0.5), (1, 0.5), (100, 1e-9), (100, 0.999999)])
    def test_an_empty_part_is_refused(self, count: int, share: float) -> None:
        with pytest.raises(ValueError, match=r"no document fell into the (train|val) part"):
            from_documents(some_documents(count), "texts", validation_share=share)

    @pytest.mark.parametrize("documents", [["a", "b"], "text", {"a": 1}, {1: "a"}, {"a": None}])
    def test_what_does_not_map_names_to_texts_is_refused(self, documents: object) -> None:
        with pytest.raises(TypeError, match=r"document"):
            from_documents(documents, "texts")


@pytest.fixture(scope="module")
def source_text() -> Corpus:
    return corpora.python_source()


class TestPythonSource:
    def test_a_fresh_process_reads_the_same_tokens(self, source_text: Corpus) -> None:
        code = "from scalinglaws.text import python_source as p; print(p().fingerprint)"
        told = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
        )
        assert told.stdout.strip() == source_text.fingerprint

    def test_it_is_read_once_a_session(self, source_text: Corpus) -> None:
        assert corpora.python_source() is source_text

    def test_it_has_enough_to_train_and_to_measure_on(self, source_text: Corpus) -> None:
        assert source_text.train.size > 20_000_000
        assert source_text.val.size > 1_000_000
        assert source_text.vocab_size == 128

    def test_it_names_all_its_sources(self, source_text: Corpus) -> None:
        names = [source.name for source in source_text.sources]
        assert sorted(names + list(source_text.missing)) == sorted(("python", *corpora.PACKAGES))
        assert {"python", "torch", "numpy"} <= set(names)

    def test_the_sources_add_up_to_the_tokens(self, source_text: Corpus) -> None:
        assert (
            sum(s.tokens for s in source_text.sources)
            == source_text.train.size + source_text.val.size
        )
        ends = np.count_nonzero(source_text.train == END_OF_FILE)
        ends += np.count_nonzero(source_text.val == END_OF_FILE)
        assert sum(s.files for s in source_text.sources) == ends

    def test_no_document_is_in_both_parts_or_twice(self, source_text: Corpus) -> None:
        train, val = (t.tobytes().split(b"\0")[:-1] for t in (source_text.train, source_text.val))
        assert len(set(train)) == len(train) and len(set(val)) == len(val)
        assert not set(train) & set(val)

    def test_hardly_any_document_is_a_test(self, source_text: Corpus) -> None:
        val = source_text.val.tobytes().split(b"\0")[:-1]
        tests = sum(b"\ndef test_" in text or b"(unittest.TestCase)" in text for text in val)
        assert tests / len(val) < 0.02

    def test_arrays_are_read_only(self, source_text: Corpus) -> None:
        assert not source_text.train.flags.writeable and not source_text.val.flags.writeable

    def test_it_says_what_it_holds(self, source_text: Corpus) -> None:
        told = str(source_text)
        assert source_text.fingerprint in told and f"{source_text.train.size:,}" in told
        assert all(source.name in told for source in source_text.sources)


class TestPythonSourceOfAFolder:
    """`python_source` on a machine that has one small package and an empty standard library."""

    @pytest.fixture
    def package(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        (tmp_path / "stdlib").mkdir()
        package = tmp_path / "site" / FOLDER
        package.mkdir(parents=True)
        information = tmp_path / "site" / f"{FOLDER}-1.2.dist-info"
        information.mkdir()
        (information / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {FOLDER}\nVersion: 1.2\n"
        )
        (package / "__init__.py").write_text("")
        for i in range(200):
            (package / f"part{i}.py").write_text(f"# part {i}\n{WRITING}")
        monkeypatch.syspath_prepend(str(tmp_path / "site"))
        monkeypatch.setattr(corpora, "PACKAGES", (FOLDER, "no_such_package"))
        monkeypatch.setattr(corpora.sysconfig, "get_path", lambda name: str(tmp_path / "stdlib"))
        return package

    @staticmethod
    def read() -> Corpus:
        return corpora._python_source.__wrapped__()

    def test_it_counts_what_it_took_and_what_it_left(self, package: Path) -> None:
        (source,) = [s for s in self.read().sources if s.name == FOLDER]
        assert (source.version, source.files, source.left_out) == ("1.2", 200, 1)
        assert source.folder == str(package)

    def test_a_missing_package_is_named(self, package: Path) -> None:
        corpus = self.read()
        assert corpus.missing == ("no_such_package",)
        assert "not found on this machine: no_such_package" in str(corpus)

    @pytest.mark.parametrize(
        ("path", "content"),
        [
            ("tests/helper.py", WRITING.encode() + b"# here\n"),
            ("deep/test/helper.py", WRITING.encode() + b"# here\n"),
            ("test_greet.py", WRITING.encode() + b"# here\n"),
            ("greet_test.py", WRITING.encode() + b"# here\n"),
            ("conftest.py", WRITING.encode() + b"# here\n"),
            ("_generated/code.py", WRITING.encode() + b"# here\n"),
            ("made.py", b"# This file was generated by a tool.\n" + WRITING.encode()),
            ("made.py", b"# DO NOT EDIT\n" + WRITING.encode()),
            ("table.py", b"values = [\n" + b"    1234567, 891011, 121314,\n" * 50 + b"]\n"),
            ("dense.py", b"letters = '" + b"abcdefg" * 300 + b"'\n"),
            ("latin.py", "# né à Genève\n".encode("latin-1") + WRITING.encode()),
            ("copy.py", b"# part 7\n\n\n" + WRITING.encode()),
            ("empty.py", b"\n\n"),
        ],
    )
    def test_what_is_no_writing_is_left_out(self, package: Path, path: str, content: bytes) -> None:
        before = self.read()
        (package / path).parent.mkdir(parents=True, exist_ok=True)
        (package / path).write_bytes(content)
        after = self.read()
        assert after == before
        assert after.sources[-1].left_out == before.sources[-1].left_out + 1

    def test_other_writing_is_taken(self, package: Path) -> None:
        before = self.read()
        (package / "testimony.py").write_text("# the same ending, another beginning\n" + WRITING)
        assert self.read() != before

    def test_line_ends_of_another_system_make_no_difference(self, package: Path) -> None:
        before = self.read()
        for file in package.glob("*.py"):
            file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
        assert self.read() == before

    def test_nothing_found_is_an_error(
        self, package: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(corpora, "PACKAGES", ("no_such_package",))
        with pytest.raises(RuntimeError, match="from_documents"):
            self.read()

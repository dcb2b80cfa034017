"""The capstone: the budget, the ledger that does not go back, the seal, and the settling."""

from __future__ import annotations

import csv
import json
import math
import os
import re
import shutil
import threading
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from classroom import SECRET

from coursework import __main__ as command
from coursework import bet as bets
from coursework import board, key
from scalinglaws.course import challenge
from scalinglaws.course.challenge import bet as student_side
from scalinglaws.course.challenge import ledger, scoring
from scalinglaws.course.challenge.ledger import LedgerError

QUIET = {"workers": 1, "progress": False}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("SCALINGLAWS_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """An instructor's folder with a bet of the smallest tier."""
    folder = tmp_path_factory.mktemp("course")
    (folder / key.FILE).write_text(SECRET.hex()[:64])
    bets.make(folder, "tiny", **QUIET)
    return folder


@pytest.fixture(scope="module")
def setting(course):
    return challenge.unpacked((course / "bet" / "tiny" / "setting.txt").read_text())


@pytest.fixture(scope="module")
def truth(course, setting):
    return challenge.unseal((course / "bet" / "tiny" / "truth.sealed").read_text(), setting)


@pytest.fixture(scope="module")
def played(setting, tmp_path_factory):
    """A folder with the ledger of ada, who trained three runs and bet."""
    folder = tmp_path_factory.mktemp("ada")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SCALINGLAWS_HOME", str(folder / "home"))
        mine = challenge.start(setting, "ada", folder / "bet-ada.jsonl")
        mine.train([mine.run(4, 130), mine.run(4, 150), mine.run(4, 130, seed=1)], **QUIET)
        mine.commit(mine.big(8), 1.6, 1.4, 1.8)
    return folder


@pytest.fixture
def mine(setting, played, tmp_path, home):
    """Ada's bet, as it stands on her machine."""
    shutil.copytree(played, tmp_path / "ada")
    shutil.copytree(played / "home", home)
    return challenge.Bet(setting, "ada", tmp_path / "ada" / "bet-ada.jsonl")


def forged(lines: list[bytes], number: int, **changed) -> list[bytes]:
    """A ledger in which an entry was changed and every hash after it made anew."""
    entries: list[ledger.Entry] = []
    for told in map(json.loads, lines):
        body = {**told["body"], **changed} if told["number"] == number else told["body"]
        if told["kind"] == "committed" and entries:
            body["head"] = entries[-1].hash
        entries.append(ledger.chained(entries, told["kind"], body))
    return [json.dumps(asdict(entry)).encode() for entry in entries]


def rewritten(path, change) -> None:
    path.write_bytes(b"".join(line + b"\n" for line in change(path.read_bytes().splitlines())))


# ------------------------------------------------------------------------------------ the student


def test_a_budget_is_charged_once_and_never_exceeded(setting, tmp_path):
    mine = challenge.start(challenge.packed(setting), "bo", tmp_path / "bo.jsonl")
    assert 30 <= mine.setting.factor <= 100 and mine.left == setting.budget
    run = mine.run(4, 200)
    assert mine.cost([run])[0] == run.flops
    row = mine.train(run, **QUIET).iloc[0]
    assert row["status"] == "ok" and 0 < row["loss"] < 4 and row["flops"] == run.flops
    assert mine.train(run, **QUIET)["loss"][0] == row["loss"] == mine.runs()["loss"][0]
    assert mine.spent == run.flops and mine.cost([run])[0] == 0
    with pytest.raises(
        challenge.OverBudget, match=re.escape(f"{mine.left:.4g} of ") + ".* are left. Nothing"
    ):
        mine.train([mine.run(4, 130), mine.run(4, 20_000)], **QUIET)
    assert mine.spent == run.flops and len(mine.entries) == 3
    assert "bo: " in str(mine) and mine.receipt.startswith("3-")


@pytest.mark.parametrize(
    ("ask", "told"),
    [
        (lambda bet: bet.run(4, 10**6), "every token is read once"),
        (lambda bet: bet.run(5000, 200), "width up to"),
        (lambda bet: bet.run(4, 200, seed=1000), "seed must lie from 0 to 999"),
        (lambda bet: bet.run(4, 200, batch=1), "a batch has 8 to"),
        (lambda bet: bet.train(replace(bet.run(4, 200), seed=3)), "none of bo's"),
        (lambda bet: bet.train([bet.run(4, 200)] * 2), "stands there twice"),
        (lambda bet: bet.train(replace(bet.run(4, 200), model=other())), "context of 16"),
        (lambda bet: bet.commit(replace(bet.big(8), tokens=32_000), 2, 1, 3), "at most"),
        (lambda bet: bet.commit(bet.run(4, 300), 2, 1, 3), "at least"),
        (lambda bet: challenge.start(bet.setting, "bo", "bet.lock"), "ends in .jsonl"),
        (lambda bet: bet.commit(bet.big(8), 2, 3, 1), "must have a width"),
        (lambda bet: bet.commit(bet.big(8), 2, -1e308, 1e308), "lies above 0"),
        (lambda bet: bet.commit(bet.big(8), 2, 1, 30), "foretells nothing"),
        (lambda bet: bet.commit(bet.big(8), None, 1, 3), "write your forecast down"),
        (lambda bet: challenge.start(bet.setting, "../x"), "your id has letters"),
        (lambda bet: challenge.start("abc", "bo"), "damaged"),
        (lambda bet: scoring.outcome(bet, "truth.sealed"), "commit first"),
    ],
)
def test_what_is_no_part_of_the_bet_is_refused(setting, tmp_path, ask, told):
    mine = challenge.start(setting, "bo", tmp_path / "bo.jsonl")
    with pytest.raises((ValueError, TypeError), match=told):
        ask(mine)
    assert mine.spent == 0 and len(mine.entries) == 1


def other():
    from scalinglaws import TransformerConfig

    return TransformerConfig(4, context=8)


def test_a_run_that_is_killed_is_charged_once_and_goes_on(setting, tmp_path, monkeypatch):
    mine = challenge.start(setting, "bo", tmp_path / "bo.jsonl")
    run, whole = mine.run(4, 140), student_side.sweep

    def killed(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(student_side, "sweep", killed)
    with pytest.raises(KeyboardInterrupt):
        mine.train(run)
    assert mine.spent == run.flops and mine.runs().empty
    monkeypatch.setattr(student_side, "sweep", whole)
    assert mine.train(run, **QUIET)["status"].tolist() == ["ok"]
    assert mine.spent == run.flops and [e.kind for e in mine.entries] == [
        "opened",
        "begun",
        "ended",
    ]


def test_a_line_cut_in_half_by_a_kill_announces_nothing(setting, tmp_path):
    path = tmp_path / "l.jsonl"
    ledger.add(path, "a", lambda _: [("opened", {"n": 1})])
    before = path.read_bytes()
    ledger.add(path, "b", lambda _: [("begun", {"n": 2})])
    after = path.read_bytes()
    for cut in range(len(before), len(after)):
        path.write_bytes(after[:cut])
        assert len(ledger.read(path)) == 1
    ledger.add(path, "c", lambda _: [("begun", {"n": 3})])
    assert [e.body["n"] for e in ledger.read(path)] == [1, 3]


def test_a_full_disk_takes_all_entries_or_none(tmp_path):
    resource, signal = pytest.importorskip("resource"), pytest.importorskip("signal")
    path = tmp_path / "l.jsonl"
    ledger.add(path, "a", lambda _: [("opened", {"n": 1})])
    before, limits = path.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (3 * len(before), limits[1]))
        with pytest.raises(OSError, match="large"):
            ledger.add(path, "a", lambda _: [("begun", {"n": n}) for n in range(9)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, old)
    assert path.read_bytes() == before and len(ledger.read(path)) == 1


def test_two_processes_that_add_at_once_make_one_chain(tmp_path):
    path = tmp_path / "l.jsonl"

    def adds(n):
        for i in range(10):
            ledger.add(path, str(n), lambda _: [("begun", {"n": n, "i": i})])  # noqa: B023

    threads = [threading.Thread(target=adds, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ledger.read(path)) == 30


def test_nothing_follows_a_commitment(mine):
    made = mine.commitment
    assert made.spent == mine.spent and made.count == 7 and "ada bets on width 8" in str(made)
    for ask in (
        lambda: mine.train(mine.run(4, 160), **QUIET),
        lambda: mine.commit(mine.big(8), 2, 1, 3),
    ):
        with pytest.raises(LedgerError, match="committed"):
            ask()
    assert len(mine.entries) == 8


# ------------------------------------------------------------------------------------- the ledger

CHANGES = {
    "edited": lambda lines: [line.replace(b'"status": "ok"', b'"status": "OK"') for line in lines],
    "a line left out": lambda lines: lines[:3] + lines[4:],
    "a line twice": lambda lines: [*lines, lines[-1]],
    "lines swapped": lambda lines: [*lines[:4], lines[5], lines[4], *lines[6:]],
    "no ledger": lambda lines: [b"[" * 5000],
    "cheaper, chain made anew": lambda lines: forged(lines, 1, flops=1, spent=1),
    "a better loss, chain made anew": lambda lines: forged(lines, 4, loss=0.5),
    "commitment taken back": lambda lines: lines[:-1],
    "gone back to an older copy": lambda lines: lines[:4],
    "begun anew": lambda lines: lines[:1],
    "deleted": lambda lines: [],
    "of another bet": lambda lines: forged(lines, 0, bet="0" * 12),
    "of somebody else": lambda lines: forged(lines, 0, student="bo"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_ledger_that_was_edited_truncated_or_replayed_is_refused(mine, setting, change):
    earlier = ledger.receipt(mine.entries)
    scoring.checked(setting, ledger.read(mine.path), earlier)
    rewritten(mine.path, change)
    with pytest.raises(LedgerError):
        challenge.start(setting, "ada", mine.path)  # this machine remembers
    with pytest.raises(LedgerError):
        str(mine)
    with pytest.raises(LedgerError):  # and so does whoever has a receipt
        scoring.checked(setting, ledger.read(mine.path), earlier)


@pytest.mark.parametrize(
    ("number", "changed", "told"),
    [
        (1, {"flops": 1, "spent": 1}, "charge"),
        (2, {"spent": 5}, "charge"),
        (1, {"run": 5}, "no run"),
        (4, {"of": 2}, "second one"),
        (4, {"of": []}, "not as the package"),
        (4, {"loss": "low"}, "not as the package"),
        (4, {"loss": -1.0}, "not as the package"),
        (7, {"spent": 0}, "does not belong"),
        (7, {"level": 0.01}, "does not belong"),
        (7, {"low": 9.0}, "not as the package"),
        (0, {"student": "<b>"}, "not as the package"),
        (0, {"truth": ""}, "another truth"),
    ],
)
def test_a_false_chain_is_refused_where_it_contradicts_itself(mine, setting, number, changed, told):
    rewritten(mine.path, lambda lines: forged(lines, number, **changed))
    with pytest.raises(LedgerError, match=told):
        scoring.checked(setting, ledger.read(mine.path))


def test_more_than_the_budget_is_refused_whoever_wrote_it(mine, setting):
    poor = replace(setting, budget=mine.spent - 1)
    entries: list[ledger.Entry] = []
    for entry in mine.entries[:-1]:
        body = {**entry.body, "bet": poor.id} if entry.kind == "opened" else entry.body
        entries.append(ledger.chained(entries, entry.kind, body))
    shift = challenge.setting.first_seed
    with pytest.raises(LedgerError, match=r"none of ada's|more than the budget"):
        scoring.checked(poor, entries)
    assert shift(poor, "ada") != shift(setting, "ada") != shift(setting, "bo")


def test_losses_that_were_invented_are_found_by_training_again(mine, setting):
    true = scoring.spot_check(setting, mine.entries, 3, **QUIET)
    assert len(true) == 3 and all(spot.agrees for spot in true)
    rewritten(mine.path, lambda lines: forged(lines, 4, loss=1.0))
    entries = ledger.read(mine.path)
    assert scoring.checked(setting, entries).runs == 3
    assert [spot.agrees for spot in scoring.spot_check(setting, entries, 3, **QUIET)].count(
        False
    ) == 1


def test_a_run_that_is_told_to_have_diverged_is_trained_again(mine, setting):
    rewritten(mine.path, lambda lines: forged(lines, 4, loss=None))
    entries = ledger.read(mine.path)
    assert scoring.checked(setting, entries).runs == 3
    spots = scoring.spot_check(setting, entries, 3, **QUIET)
    assert [spot.agrees for spot in spots].count(False) == 1
    run = spots[0].run
    assert scoring.Spot(run, math.inf, math.inf).agrees
    assert not scoring.Spot(run, 2.0, math.inf).agrees


# ---------------------------------------------------------------------------- the truth, the class


def test_what_is_handed_out_binds_the_truth_and_does_not_tell_it(course, setting, truth):
    notebook = course / "release" / "the-bet" / "tiny" / "the-bet.ipynb"
    text = notebook.read_text()
    assert bets.PLACE not in text and setting.truth == truth.digest
    sealed = (course / "bet" / "tiny" / "truth.sealed").read_text()
    for secret in (truth.salt, *map(repr, truth.losses)):
        assert secret not in text and secret not in sealed and secret not in str(asdict(setting))
    assert replace(truth, salt="").digest != truth.digest
    before = text, sealed
    bets.make(course, "tiny", **QUIET)
    assert (notebook.read_text(), (course / "bet" / "tiny" / "truth.sealed").read_text()) == before
    assert challenge.draw("tiny", 1).id != challenge.draw("tiny", 2).id
    with pytest.raises(ValueError, match="there is no tier"):
        challenge.draw("huge", 1)


def test_a_seal_that_was_changed_is_not_opened(setting, truth):
    text = challenge.seal(truth)
    assert challenge.unseal(text, setting) == truth
    lower = replace(truth, losses=tuple(loss - 0.1 for loss in truth.losses))
    for wrong, told in (
        (text[:-8], "damaged"),
        ("?", "damaged"),
        (challenge.seal(lower), "not the one whose hash"),
    ):
        with pytest.raises(ValueError, match=told):
            challenge.unseal(wrong, setting)


def test_one_who_learns_alone_opens_the_seal_after_the_bet(mine, course, truth):
    found = challenge.outcome(mine, course / "bet" / "tiny" / "truth.sealed", **QUIET)
    assert found.loss == truth.losses[1] and found.best == min(truth.losses)
    missed = max(1.4 - found.loss, found.loss - 1.8, 0)
    assert found.score == pytest.approx(0.4 + 10 * missed)
    assert found.total == found.score + found.loss - found.best and "ada:" in str(found)


def test_a_class_is_settled_and_nobody_goes_back(course, mine, setting, tmp_path, capsys):
    downloads = tmp_path / "downloads"
    shutil.copytree(mine.path.parent, downloads / "ada")
    bo = challenge.start(setting, "bo", downloads / "bo" / "bet-bo.jsonl")
    bo.train(bo.run(4, 130), **QUIET)
    shutil.copy(bo.path, downloads / "bo" / "bet-bo (1).jsonl")
    cy = challenge.start(setting, "cy", downloads / "bet-cy.jsonl")
    cy.train([cy.run(4, 130), cy.run(4, 150)], **QUIET)
    cy.commit(cy.big(4, optimizer="muon"), 1.0, 0.9, 1.1)
    (downloads / "<script>.jsonl").write_bytes(b"{}\n")
    copied = downloads / "dan" / "bet-dan.jsonl"
    copied.parent.mkdir()
    shutil.copy(mine.path, copied)
    given = ["--course", str(course), "--tier", "tiny", "--submissions", str(downloads)]
    given = ["settle", *given, "--workers", "1"]
    assert command.main(given) == 0
    with (course / "grades" / "the-bet-tiny.csv").open() as file:
        rows = {row["id"]: row for row in csv.DictReader(file)}
    assert list(rows)[:3] == ["ada", "cy", "bo"]
    assert (
        rows["ada"]["refused"] == ""
        and rows["ada"]["held"] == "True"
        and rows["cy"]["held"] == "False"
    )
    assert float(rows["cy"]["total"]) > float(rows["ada"]["total"]) and rows["bo"]["total"] == ""
    assert "does not follow" in rows["<script>.jsonl"]["refused"]
    assert "neither its name" in rows["dan/bet-dan.jsonl"]["refused"]
    page = (course / "grades" / "the-bet-tiny.html").read_text()
    assert "<script" not in page and "http" not in page and "prefers-color-scheme: dark" in page
    assert "1 of 2 intervals held" in page and "bo: no commitment yet" in page

    rewritten(cy.path, lambda lines: lines[:-1])  # cy takes the bet back and wants another
    rewritten(bo.path, lambda lines: forged(lines, 2, loss=0.1))
    (downloads / "bo" / "bet-bo (1).jsonl").unlink()
    assert command.main(given) == 0
    told = capsys.readouterr().out
    assert "cy refused: this ledger has gone back" in told
    assert "bo refused: this ledger has gone back" in told and "1 bets settled" in told
    (course / "bet" / "tiny" / "receipts.json").unlink()  # even without receipts
    assert command.main(given) == 0
    assert (
        "bo refused: a run that was trained again came to another loss" in capsys.readouterr().out
    )
    assert command.main([*given, "--submissions", str(tmp_path / "nowhere")]) == 2


def settled(course, downloads, *more):
    (course / "bet" / "tiny" / "receipts.json").unlink(missing_ok=True)
    given = ["--course", str(course), "--tier", "tiny", "--submissions", str(downloads)]
    assert command.main(["settle", *given, "--workers", "1", *more]) == 0
    with (course / "grades" / "the-bet-tiny.csv").open(encoding="utf-8") as file:
        return {row["id"]: row for row in csv.DictReader(file)}


def test_a_short_copy_beside_it_does_not_hide_invented_losses(course, mine, tmp_path):
    downloads = tmp_path / "downloads"
    downloads.mkdir()
    whole = mine.path.read_bytes().splitlines()
    (downloads / "z-ada.jsonl").write_bytes(forged(whole, 4, loss=1.0)[0] + b"\n")
    shutil.copy(mine.path, downloads / "bet-ada.jsonl")
    rewritten(downloads / "bet-ada.jsonl", lambda lines: forged(lines, 4, loss=1.0))
    rows = settled(course, downloads, "--spots", "3")
    assert "came to another loss" in rows["ada"]["refused"] and rows["ada"]["checked"] == "2 of 3"


def test_nobody_hands_in_for_another_of_the_roster(course, mine, tmp_path):
    downloads, roster = tmp_path / "downloads", tmp_path / "roster.csv"
    roster.write_text("id\nAda\ndana\nbo\n")
    for name in ("ada", "dana"):
        (downloads / name).mkdir(parents=True)
        shutil.copy(mine.path, downloads / name / "bet-ada.jsonl")
    rewritten(downloads / "dana" / "bet-ada.jsonl", lambda lines: forged(lines, 4, loss=2.0))
    assert "dana/bet-ada.jsonl" in settled(course, downloads, "--spots", "0")["ada"]["refused"]
    rows = settled(course, downloads, "--spots", "0", "--students", str(roster))
    assert rows["Ada"]["refused"] == "" and float(rows["Ada"]["total"]) < 9
    assert "neither its name" in rows["dana/bet-ada.jsonl"]["refused"]
    assert "no ledger" in rows["bo"]["refused"] and "no ledger" in rows["dana"]["refused"]
    assert not bets._belongs(Path("dana.jsonl"), "a", ())


def test_odd_names_and_ends_of_files_cost_nobody_else(course, mine, tmp_path, capsys):
    downloads = tmp_path / "downloads"
    (downloads / "__MACOSX").mkdir(parents=True)
    (downloads / "__MACOSX" / "._bet-ada.jsonl").write_bytes(b"\0")
    (downloads / "bet-ada.JSONL.txt").write_bytes(
        mine.path.read_bytes().rstrip().replace(b"\n", b"\r\n")  # the last line's end is gone
    )
    (downloads / "\x1b[2J.jsonl").write_bytes(b"{}\n")
    with suppress(OSError):  # a file system that takes no such name
        Path(os.fsdecode(os.fsencode(downloads) + b"/caf\xe9.jsonl")).write_bytes(b"{}\n")
    rows = settled(course, downloads, "--spots", "0")
    assert rows["ada"]["refused"] == "" and rows["ada"]["total"]
    assert "\x1b" not in capsys.readouterr().out and not any("MACOSX" in name for name in rows)


def test_two_processes_do_not_train_one_bet(course, capsys):
    with bets.alone(course / "bet" / "tiny"):
        assert command.main(["bet", "--course", str(course), "--tier", "tiny"]) == 2
    assert "another process is training this bet" in capsys.readouterr().err


def test_the_page_of_nobody(setting, truth):
    assert "No bet is settled yet" in board.page(setting, truth, [], [])


def test_the_notebook_bets_in_nobodys_name(capsys):
    cells = json.loads(bets.NOTEBOOK.read_text())["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    assert all(len(cell.splitlines()) <= 15 for cell in code)
    assert sum(bets.PLACE in cell for cell in code) == 1
    [betting] = [cell for cell in code if "bet.commit(" in cell]

    class Nobody:
        receipt, commitment = "1-abc", None

    exec(betting, {"bet": Nobody()})
    assert "No bet yet" in capsys.readouterr().out
    assert all(not cell.get("outputs") for cell in cells)

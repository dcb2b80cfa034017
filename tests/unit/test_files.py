"""Files as people have them: `scalinglaws.runs.files` and `scalinglaws.runs.shapes`."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from scalinglaws.runs import Measurements, measurements

N, D = np.array([70e6, 160e6, 410e6, 1e9]), np.array([2e9, 4e9, 1.5e10, 4e10])
L = np.array([3.512, 3.104, 2.703, 2.409])
FRAME = pd.DataFrame({"params": N, "tokens": D, "loss": L})
HEADER = "params,tokens,loss\n"
ROWS = [f"{n:.0f},{d:.0f},{loss}\n" for n, d, loss in zip(N, D, L, strict=True)]
BODY = "".join(ROWS)


def written(folder: Path, text: str, name: str = "runs.csv") -> Path:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def arrays(found: Measurements) -> np.ndarray:
    assert found.params is not None and found.tokens is not None
    return np.column_stack([found.params, found.tokens, found.loss])


def same(found: Measurements) -> bool:
    return np.array_equal(arrays(found), FRAME.to_numpy())


def said(found: Measurements, text: str) -> bool:
    return any(text in note for note in found.notes)


# Headers


@pytest.mark.parametrize(
    "text",
    [
        "# columns: params, tokens, loss in nats\n" + HEADER + BODY,
        "# params,tokens,loss\n" + BODY,
        "# params tokens loss\n" + BODY.replace(",", " "),
        "params,tokens,loss,as in the paper\n" + HEADER + BODY,
        '"Loss, params, tokens: see below",,\n' + HEADER + BODY,
        "Notes,loss in nats,params without embeddings\n" + HEADER + BODY,
        HEADER + BODY + "# mean of 3, seeds, params without, embeddings\n",
        HEADER + ROWS[0] + "# half way, loss, and params\n" + "".join(ROWS[1:]),
        HEADER + "".join(ROWS[:2]) + HEADER + "".join(ROWS[2:]),
        '"params\n","tokens ","loss\n"\n' + BODY,
        "| params | tokens | loss |\n|:---|---|---:|\n"
        + "".join(f"| {row.strip().replace(',', ' | ')} |\n" for row in ROWS),
        'params,tokens,loss,notes\n' + "".join(f'{r.strip()},"a\n\nb, c"\n' for r in ROWS),
        HEADER + "".join(",".join(f'="{cell}"' for cell in r.strip().split(",")) + "\n"
                         for r in ROWS),
    ],
)  # fmt: skip
def test_the_header_is_the_row_above_the_numbers(text: str, tmp_path: Path) -> None:
    found = measurements(written(tmp_path, text))
    assert same(found)
    assert sum(found.excluded.values()) == 0


def test_lines_are_counted_with_breaks_in_quotes(tmp_path: Path) -> None:
    text = 'params,tokens,loss,notes\n1e6,2e9,3,"a\nb\nc"\n2e6,2e9,2.9,x\n3e6,x,2.8,y\n'
    found = measurements(written(tmp_path, text))
    assert found.rows.tolist() == [2, 5] and said(found, "line 6, e.g. 'x'")
    with pytest.raises(ValueError, match="line 5: more fields than the header"):
        measurements(written(tmp_path, text.replace("2.9,x", "2,9,x")))


def test_a_quote_that_is_never_closed_is_named(tmp_path: Path) -> None:
    text = HEADER + ROWS[0] + '1e6,"2e9,3\n' + 30 * ROWS[1]
    with pytest.raises(ValueError, match="line 3: a quote is opened and never closed"):
        measurements(written(tmp_path, text))


def test_two_tables_of_the_same_columns_are_told_apart(tmp_path: Path) -> None:
    text = f"C4,,\n{HEADER}{BODY}\n\nPile,,\n{HEADER}{BODY}"
    found = measurements(written(tmp_path, text))
    assert len(found) == 8 and said(found, "2 tables below each other")
    for title, line in (("C4", 3), ("Pile", 11)):
        part = measurements(written(tmp_path, text), where={"table": title})
        assert same(part) and part.rows[0] == line
    plain = measurements(written(tmp_path, f"{HEADER}{BODY}\n{HEADER}{BODY}"))
    assert list(plain.table["table"]) == ["1"] * 4 + ["2"] * 4


def test_two_tables_of_other_columns_are_refused(tmp_path: Path) -> None:
    text = HEADER + BODY + "\nN,C,loss\n1e6,1e18,3\n"
    with pytest.raises(ValueError, match="two tables: line 7 names other columns"):
        measurements(written(tmp_path, text))


def test_marks_around_numbers_are_ignored(tmp_path: Path) -> None:
    text = HEADER + ROWS[0].replace("3.512", "**3.512**") + "".join(ROWS[1:])
    found = measurements(written(tmp_path, text))
    assert same(found) and said(found, "marks around numbers were ignored, as in '**3.512**'")


# Wide tables

SIZES, BUDGETS = ["70M", "160M", "410M"], [1e18, 3e18, 1e19]
CELLS = np.array([[3.51, 3.42, 3.38], [3.55, 3.31, 3.2], [3.7, 3.35, 3.1]])


def wide(corner: str, heads: list[str], rows: list[str], cells: np.ndarray, sep: str = ",") -> str:
    lines = [sep.join([corner, *heads])]
    lines += [sep.join([row, *map(str, line)]) for row, line in zip(rows, cells, strict=True)]
    return "\n".join(lines) + "\n"


def long(down: list[float], across: list[float]) -> np.ndarray:
    return np.array([[a, b, CELLS[i, j]] for i, a in enumerate(down) for j, b in enumerate(across)])


@pytest.mark.parametrize(
    ("corner", "heads"),
    [
        ("N", ["1e18", "3e18", "1e19"]),
        ("", ["1e18", "3e18", "1e19"]),
        ("params \\ flops", ["1e18", "3e18", "1e19"]),
        ("model size", ["1e18 FLOPs", "3e18 FLOPs", "1e19 FLOPs"]),
        ("params", ["C=1e18", "C=3e18", "C=1e19"]),
        ("params vs compute", ["1e18", "3e18", "1e19"]),
    ],
)
def test_a_wide_table_of_budgets(corner: str, heads: list[str], tmp_path: Path) -> None:
    found = measurements(written(tmp_path, wide(corner, heads, SIZES, CELLS)))
    assert found.params is not None and found.flops is not None and found.tokens is not None
    expected = long([70e6, 160e6, 410e6], BUDGETS)
    np.testing.assert_allclose(np.column_stack([found.params, found.flops, found.loss]), expected)
    np.testing.assert_allclose(found.tokens, expected[:, 1] / expected[:, 0] / 6)
    assert said(found, "the table is wide: params in its rows, flops in the names of its columns")
    assert found.rows.tolist() == [2, 2, 2, 3, 3, 3, 4, 4, 4]


@pytest.mark.parametrize(
    ("corner", "heads", "rows"),
    [
        ("params \\ tokens", ["1B", "2B", "4B"], SIZES),
        ("params (M) \\ tokens (B)", ["1", "2", "4"], ["70", "160", "410"]),
        ("Model Size", ["loss @ 1B tokens", "loss @ 2B tokens", "loss @ 4B tokens"], SIZES),
        ("N", ["D=1e9", "D=2e9", "D=4e9"], SIZES),
    ],
)
def test_a_wide_table_of_tokens(
    corner: str, heads: list[str], rows: list[str], tmp_path: Path
) -> None:
    found = measurements(written(tmp_path, wide(corner, heads, rows, CELLS)))
    np.testing.assert_allclose(arrays(found), long([70e6, 160e6, 410e6], [1e9, 2e9, 4e9]))


def test_a_wide_table_the_other_way_round_with_gaps_and_bold_minima(tmp_path: Path) -> None:
    text = "| budget | 70M | 160M | 410M |\n|---|---|---|---|\n"
    text += "| 1e18 | 3.51 | **3.4** | - |\n| 1e19 | 3.3 | 3.2 | **3.1** |\n"
    found = measurements(written(tmp_path, text))
    assert found.params is not None and found.flops is not None
    expected = [[70e6, 1e18, 3.51], [160e6, 1e18, 3.4],
                [70e6, 1e19, 3.3], [160e6, 1e19, 3.2], [410e6, 1e19, 3.1]]  # fmt: skip
    np.testing.assert_allclose(np.column_stack([found.params, found.flops, found.loss]), expected)
    assert sum(found.excluded.values()) == 0


def test_a_wide_frame() -> None:
    frame = pd.DataFrame(CELLS, columns=BUDGETS)
    frame.insert(0, "params", [70e6, 160e6, 410e6])
    indexed = frame.set_index("params")
    for table in (frame, indexed):
        found = measurements(table)
        assert found.params is not None and found.flops is not None
        np.testing.assert_allclose(
            np.column_stack([found.params, found.flops, found.loss]),
            long([70e6, 160e6, 410e6], BUDGETS),
        )


def test_a_wide_table_that_may_mean_two_things_is_refused(tmp_path: Path) -> None:
    text = wide("x", ["1e9", "2e9", "4e9"], ["3e9", "6e9", "9e9"], CELLS)
    with pytest.raises(ValueError, match="what its rows and columns are is not said"):
        measurements(written(tmp_path, text))


# JSON

RECORDS = FRAME.to_dict("records")


@pytest.mark.parametrize(
    "found",
    [
        RECORDS,
        {"name": "mine", "runs": RECORDS},
        FRAME.to_dict("list"),
        json.loads(FRAME.to_json()),
        json.loads(FRAME.to_json(orient="split")),
        {f"run {i}": record for i, record in enumerate(RECORDS)},
        [{"config": {"n_params": r["params"]}, "summary": {"tokens": r["tokens"],
          "val_loss": r["loss"]}} for r in RECORDS],
    ],
)  # fmt: skip
def test_json_in_the_shapes_that_people_write(found: Any, tmp_path: Path) -> None:
    assert same(measurements(written(tmp_path, json.dumps(found), "runs.json")))


def test_lines_of_json(tmp_path: Path) -> None:
    lines = [json.dumps(record) for record in RECORDS]
    found = measurements(written(tmp_path, "\n".join([*lines[:2], "", *lines[2:]]), "runs.jsonl"))
    assert same(found) and found.rows.tolist() == [1, 2, 4, 5]
    with pytest.raises(ValueError, match="line 2: no JSON"):
        measurements(written(tmp_path, lines[0] + "\n{oops\n", "runs.jsonl"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"params": 3', "line 1: no JSON"),
        ("{}\n3", "line 2: no record"),
        ('["a"]', "no list of records"),
        ("[]", "no records"),
    ],
)
def test_json_that_is_no_table_is_refused(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        measurements(written(tmp_path, text, "runs.json"))


# Parquet


def test_parquet_names_what_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "runs.parquet"
    path.write_bytes(b"PAR1 and so on")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"needs pyarrow: pip install 'scalinglaws\[parquet\]'"):
        measurements(path)


def test_parquet_is_read(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    FRAME.to_parquet(tmp_path / "runs.parquet")
    assert same(measurements(tmp_path / "runs.parquet"))


# Exports of other programs


def trainer_state(folder: Path, size: float, evaluated: bool = True) -> Path:
    """The state of a trainer after 400 steps of a million tokens each."""
    log: list[dict[str, Any]] = [
        {"epoch": step / 400, "grad_norm": 1.0, "learning_rate": 1e-4, "loss": 6 - step / 200,
         "num_input_tokens_seen": step * 10**6, "step": step} for step in range(100, 401, 100)
    ]  # fmt: skip
    if evaluated:
        log += [{"epoch": step / 400, "eval_loss": 5 - step / 200, "eval_runtime": 2.0,
                 "step": step} for step in (200, 400)]  # fmt: skip
    log.append({"step": 400, "total_flos": 1.0, "train_loss": 4.5, "train_runtime": 60.0})
    state = {"global_step": 400, "total_flos": 6 * size * 4e8, "log_history": log}
    return written(folder, json.dumps(state), "trainer_state.json")


def test_the_states_of_trainers(tmp_path: Path) -> None:
    files = [trainer_state(tmp_path / f"gpt-{s}M", s * 1e6) for s in (70, 160)]
    found = measurements(files)
    expected = [[s * 1e6, t, 5 - t / 2e8] for s in (70, 160) for t in (2e8, 4e8)]
    np.testing.assert_allclose(arrays(found), expected)
    assert found.flops is not None and found.run is not None
    np.testing.assert_allclose(found.flops, 6 * arrays(found)[:, 0] * arrays(found)[:, 1])
    assert found.run.tolist() == [0, 0, 1, 1]
    assert said(found, "params were derived as N = C / (6 D)")
    ends = measurements(files, last=True)
    np.testing.assert_allclose(arrays(ends), expected[1::2])
    assert ends.run is None and not said(ends, "several rows each")


def test_a_trainer_without_evaluations_has_its_training_loss(tmp_path: Path) -> None:
    found = measurements(trainer_state(tmp_path / "gpt-70M", 70e6, evaluated=False))
    assert found.loss.tolist() == [5.5, 5.0, 4.5, 4.0] and said(found, "is a training loss")


CHART = (
    '"Step","gpt-70M - val/loss","gpt-70M - val/loss__MIN","gpt-70M - val/loss__MAX",'
    '"gpt-160M - val/loss","gpt-160M - val/loss__MIN","gpt-160M - val/loss__MAX"\n'
    '"100","4.5","4.4","4.6","","",""\n"200","4.1","4.1","4.1","3.9","3.9","3.9"\n'
    '"300","","","","3.8","3.8","3.8"\n'
)


def test_a_chart_of_wandb(tmp_path: Path) -> None:
    path = written(tmp_path, CHART)
    found = measurements(path, tokens_per_step=5e6)
    expected = [[70e6, 5e8, 4.5], [70e6, 1e9, 4.1], [160e6, 1e9, 3.9], [160e6, 1.5e9, 3.8]]
    np.testing.assert_allclose(arrays(found), expected)
    assert found.rows.tolist() == [2, 3, 3, 4]
    np.testing.assert_allclose(
        arrays(measurements(path, tokens_per_step=5e6, last=True)), expected[1::2]
    )


def test_a_table_of_wandb(tmp_path: Path) -> None:
    header = ("Name,State,Notes,User,Tags,Created,Runtime,Sweep,config.n_params,lr,_step,"
              "tokens_seen,train/loss,val/loss\n")  # fmt: skip
    states = ["finished", "finished", "crashed", "finished"]
    rows = [
        f'"run {i}","{states[i]}","-","me","","2024-01-0{i + 1}T00:00:00.000Z","{i}00","",'
        f'"{N[i]:.0f}","0.001","1000","{D[i]:.0f}","{L[i] - 0.1:.4f}","{L[i]}"\n'
        for i in range(4)
    ]
    found = measurements(written(tmp_path, header + "".join(rows)))
    np.testing.assert_array_equal(arrays(found), FRAME.to_numpy()[[0, 1, 3]])
    assert found.excluded["not finished"] == 1


def test_runs_that_all_failed_may_count_all_the_same(tmp_path: Path) -> None:
    text = "params,tokens,loss,State\n" + BODY.replace("\n", ",failed\n")
    with pytest.raises(ValueError, match="--column status=none"):
        measurements(written(tmp_path, text))
    assert same(measurements(written(tmp_path, text), columns={"status": None}))


def test_scalars_of_tensorboard(tmp_path: Path) -> None:
    text = "Wall time,Step,Value\n1700000000.1,100,4.5\n1700000100.1,200,{last}\n"
    files = [written(tmp_path, text.format(last=4 - i), f"gpt-{s}M-val_loss.csv")
             for i, s in enumerate((70, 160))]  # fmt: skip
    found = measurements(files, tokens_per_step=5e6, last=True)
    np.testing.assert_allclose(arrays(found), [[70e6, 1e9, 4], [160e6, 1e9, 3]])
    assert said(found, "tokens are 5e+06 times column 'Step'")
    with pytest.raises(ValueError, match="--tokens-per-step"):
        measurements(written(tmp_path, text.format(last=4), "run.csv"))


def test_several_tables_are_read_together(tmp_path: Path) -> None:
    paths = [
        written(tmp_path, HEADER + "".join(ROWS[:2]), "c4.csv"),
        written(tmp_path, "N;D;L\n" + "".join(ROWS[2:]).replace(",", ";"), "pile.csv"),
    ]
    with pytest.raises(ValueError, match="both claim to be"):
        measurements(paths)
    paths[1] = written(tmp_path, HEADER + "".join(ROWS[2:]), "pile.csv")
    found = measurements(paths)
    assert same(found) and list(found.table["file"]) == ["c4", "c4", "pile", "pile"]


def test_steps_need_to_be_there_to_make_tokens() -> None:
    with pytest.raises(ValueError, match="no column of steps"):
        measurements(FRAME.drop(columns="tokens"), tokens_per_step=1e6)
    with pytest.raises(ValueError, match="the table has tokens"):
        measurements(FRAME.assign(step=1), tokens_per_step=1e6)
    with pytest.raises(ValueError, match="above 0"):
        measurements(FRAME, tokens_per_step=-1)


# What is given


def test_columns_by_name_and_records_are_tables() -> None:
    assert same(measurements(FRAME.to_dict("list"))) and same(measurements(RECORDS))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"params": [1e6, 2e6], "tokens": [1e9], "loss": [3, 2]}, "columns of equal length"),
        (3, "got int"),
        (None, "got NoneType"),
        ([], "got list"),
        ([1, 2], "got list"),
    ],
)
def test_what_is_no_table_is_refused(table: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        measurements(table)


def test_a_path_may_begin_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    written(tmp_path, HEADER + BODY)
    assert same(measurements("~/runs.csv"))


def test_sizes_in_names_count_only_where_nothing_else_tells() -> None:
    table = FRAME.assign(Name=["gpt-70M", "gpt-160M", "gpt-410M", "gpt-1B"])
    found = measurements(table.drop(columns="params"))
    np.testing.assert_allclose(arrays(found), FRAME)
    assert said(found, "params were read from column 'Name', as 70M in 'gpt-70M'")
    two = table.assign(flops=6.6 * N * D).drop(columns="params")
    np.testing.assert_allclose(arrays(measurements(two))[:, 0], 1.1 * N)
    some = table.assign(Name=["gpt-70M", "mine", "gpt-410M", "gpt-1B"]).drop(columns="params")
    assert measurements(some).params is None
    lengths = table.assign(Name=[f"{n:g}M on 2B" for n in N / 1e6]).drop(columns="params")
    assert measurements(lengths).params is None


def test_a_named_index_is_a_column() -> None:
    assert same(measurements(FRAME.set_index("params")))
    assert measurements(FRAME.rename_axis("params")).params is not None


def test_a_list_of_results_keeps_what_stands_beside_it(tmp_path: Path) -> None:
    """One file a run, with the losses on several texts and the sizes above them."""
    paths = []
    for number, (n, d, loss) in enumerate(FRAME.to_numpy()):
        found = {
            "name": f"run {number}",
            "hyperparameters": {"params": n, "tokens": d, "lr": 0.003},
            "open_lm_args": ["--lr", "0.003"],
            "results": [{"loss": loss, "val": "C4"}, {"loss": loss + 1, "val": "code"}],
        }
        paths.append(written(tmp_path, json.dumps(found), f"{number}.json"))
    assert same(measurements(paths, where={"val": "C4"}))
    assert len(measurements(paths)) == 8


def test_sizes_of_a_list_and_of_what_stands_above_it_are_not_chosen_between(tmp_path: Path) -> None:
    found = {"hyperparameters": {"tokens": 2e9}, "results": [{"loss": 3.0, "tokens": 245_760}]}
    with pytest.raises(ValueError, match="both claim to be tokens"):
        measurements(written(tmp_path, json.dumps(found), "a.json"))


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"\xfd7zXZ\x00....", "is compressed"),
        (b"BZh91AY", "is compressed"),
        (b"\x28\xb5\x2f\xfd..", "is compressed"),
        (b"\x80\x04\x95\x00", "a pickle of Python"),
    ],
)
def test_compressed_files_and_pickles_are_named(tmp_path: Path, raw: bytes, says: str) -> None:
    path = tmp_path / "runs.csv"
    path.write_bytes(raw)
    with pytest.raises(ValueError, match=says):
        measurements(path)


def test_a_table_of_something_else_with_sentences_is_no_table_of_runs(tmp_path: Path) -> None:
    text = (
        "Task,Kind,Description\n"
        'one,choice,"The size of data and tokens and loss is told in training data."\n'
        'two,choice,"A budget of compute and params and tokens, with loss."\n'
    )
    with pytest.raises(ValueError, match="no column for loss"):
        measurements(written(tmp_path, text))


@pytest.mark.parametrize("unit", ["P", "E", "Z", "G", "T", "M"])
def test_flops_with_the_prefix_alone(unit: str) -> None:
    factor = {"M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18, "Z": 1e21}[unit]
    table = pd.DataFrame({f"FLOPs ({unit})": 6 * N * D / factor, "params": N, "loss": L})
    assert np.allclose(arrays(measurements(table)), FRAME.to_numpy())


def test_names_that_lead_with_the_letter_of_the_papers() -> None:
    table = pd.DataFrame({"N_params_B": N / 1e9, "D_tokens_B": D / 1e9, "val_loss": L})
    assert np.allclose(arrays(measurements(table)), FRAME.to_numpy())
    other = pd.DataFrame({"num_scaling_params": N, "tokens_trained": D, "val_loss": L})
    assert same(measurements(other))

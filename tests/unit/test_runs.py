"""The table of runs: `scalinglaws.runs`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from scalinglaws.learners import TransformerConfig
from scalinglaws.runs import table as runs
from scalinglaws.training import Run
from scalinglaws.training.run import row_of


@pytest.fixture
def table() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "params": [1_000, 2_000, 4_000],
            "tokens": [20_000, 40_000, 80_000],
            "flops": [1.2e8, 4.8e8, 1.92e9],
            "loss": [3.25, 3.0, np.nan],
            "status": ["ok", "ok", 'failed: ValueError: a reason, with commas and "quotes"'],
            "corpus": ["000123456789", "12345678e901", "a1b2c3d4e5f6"],
            "unique_tokens": [np.nan, 10_000, np.nan],
            "my own column": ["x", "y", "z"],
        }
    )


class TestValidate:
    def test_a_good_table_comes_back_as_it_is(self, table: pd.DataFrame) -> None:
        before = table.copy()
        assert runs.validate(table) is table
        pd.testing.assert_frame_equal(table, before)

    def test_three_columns_are_enough(self, table: pd.DataFrame) -> None:
        runs.validate(table[list(runs.REQUIRED)].iloc[:2])

    @pytest.mark.parametrize("name", runs.REQUIRED)
    def test_a_missing_column_is_named(self, table: pd.DataFrame, name: str) -> None:
        with pytest.raises(ValueError, match=f"lacks the columns {name}; it has"):
            runs.validate(table.drop(columns=name))

    @pytest.mark.parametrize("name", ["params", "tokens", "flops", "loss"])
    @pytest.mark.parametrize("value", [0, -1, np.nan, np.inf, "much", None])
    def test_a_number_that_cannot_be_is_shown_with_its_row(
        self, table: pd.DataFrame, name: str, value: Any
    ) -> None:
        table[name] = table[name].astype(object)
        table.loc[1, name] = value
        with pytest.raises(ValueError, match=f"column '{name}' .* 1 rows do not .* row 1: "):
            runs.validate(table)

    @pytest.mark.parametrize("name", ["loss_std", "lr", "batch", "warmup", "cooldown", "seconds"])
    def test_other_numbers_may_be_missing_but_not_wrong(
        self, table: pd.DataFrame, name: str
    ) -> None:
        runs.validate(table.assign(**{name: None}))
        runs.validate(table.assign(**{name: 0}))
        for wrong in (-1, np.inf, "much"):
            with pytest.raises(ValueError, match=f"column '{name}' .* 2 rows do not .* row 0: "):
                runs.validate(table.assign(**{name: wrong}))

    def test_whole_numbers_beside_empty_fields_are_numbers(self, table: pd.DataFrame) -> None:
        runs.validate(table.assign(batch=pd.array([1, None, 3], dtype="Int64")))
        with pytest.raises(ValueError, match="'batch'"):
            runs.validate(table.assign(batch=pd.array([1, -2, None], dtype="Int64")))

    def test_rows_that_did_not_finish_may_lack_anything(self, table: pd.DataFrame) -> None:
        table.loc[2, ["params", "loss", "flops"]] = np.nan
        runs.validate(table)

    def test_without_a_status_every_row_must_be_whole(self, table: pd.DataFrame) -> None:
        with pytest.raises(ValueError, match="row 2"):
            runs.validate(table.drop(columns="status"))

    def test_the_row_is_found_by_its_own_label(self, table: pd.DataFrame) -> None:
        table.index = ["a", "b", "b"]
        table["status"] = "ok"
        with pytest.raises(ValueError, match=r"1 rows do not \(the first is row b: nan"):
            runs.validate(table)

    def test_a_table_without_rows_is_refused(self, table: pd.DataFrame) -> None:
        with pytest.raises(ValueError, match="no rows"):
            runs.validate(table.iloc[:0])

    def test_a_column_that_stands_there_twice_is_refused(self, table: pd.DataFrame) -> None:
        twice = pd.concat([table, table[["loss"]]], axis=1)
        with pytest.raises(ValueError, match="two columns loss"):
            runs.validate(twice)

    @pytest.mark.parametrize("wrong", [None, [1], {"params": [1]}, "runs.csv", pd.Series([1])])
    def test_what_is_no_table_is_refused(self, wrong: object) -> None:
        with pytest.raises(TypeError, match="pandas DataFrame"):
            runs.validate(wrong)


class TestFinished:
    def test_only_runs_that_are_ok_are_kept(self, table: pd.DataFrame) -> None:
        assert runs.finished(table).index.tolist() == [0, 1]

    def test_without_a_status_all_are(self, table: pd.DataFrame) -> None:
        whole = table.iloc[:2].drop(columns="status")
        pd.testing.assert_frame_equal(runs.finished(whole), whole)
        assert runs.finished(whole).attrs["left_out"] == 0 and not whole.attrs

    @pytest.mark.parametrize("status", ["diverged", "failed: why", "OK", "", None, pd.NA])
    def test_it_says_how_many_it_left_out(self, table: pd.DataFrame, status: Any) -> None:
        table["status"] = ["ok", status, "diverged"]
        table.attrs["source"] = "mine"
        kept = runs.finished(table)
        assert kept.index.tolist() == [0]
        assert kept.attrs == {"source": "mine", "left_out": 2}
        assert table.attrs == {"source": "mine"}

    @pytest.mark.parametrize("status", ["diverged", "OK", np.nan])
    def test_if_none_is_left_the_reasons_are_told(self, table: pd.DataFrame, status: Any) -> None:
        with pytest.raises(ValueError, match=f"no run finished: their status is {status}"):
            runs.finished(table.assign(status=status))

    def test_a_bad_number_is_found_here_too(self, table: pd.DataFrame) -> None:
        with pytest.raises(ValueError, match="'tokens'"):
            runs.finished(table.assign(tokens=-1))


def rows() -> list[dict[str, Any]]:
    """Rows as `sweep` makes them: one that is ok, one that diverged, one that failed."""
    run = Run(TransformerConfig(8, context=8), tokens=4_000, lr=0.1 + 0.2, cooldown=1 / 3)
    told = [
        (run, 1.2345678901234567, 0.01, "ok", 1.5),
        (replace(run, batch=3, seed=1), np.nan, np.nan, "diverged", 0.1),
        (replace(run, unique_tokens=100), np.nan, np.nan, 'failed: E: "a, b"', np.nan),
    ]
    return [
        row_of(run, "001e45", status, loss=loss, loss_std=std, device="cpu", seconds=seconds)
        for run, loss, std, status, seconds in told
    ]


class TestTable:
    def test_it_has_the_columns_in_their_order_and_with_their_types(self) -> None:
        table = runs.table_of(rows())
        assert list(table.columns) == list(runs.COLUMNS)
        types = table.dtypes.astype(str).to_dict()
        assert types["tokens"] == types["warmup"] == types["seed"] == types["flops"] == "int64"
        assert types["batch"] == types["unique_tokens"] == "Int64"
        assert types["loss"] == types["lr"] == types["seconds"] == "float64"

    def test_types_do_not_depend_on_what_is_missing(self) -> None:
        for some in ([0], [1], [2], [0, 1]):
            table = runs.table_of(rows()[i] for i in some)
            pd.testing.assert_series_equal(table.dtypes, runs.table_of(rows()).dtypes)

    def test_every_column_is_explained_and_every_row_has_them(self) -> None:
        assert list(rows()[0]) == list(runs.COLUMNS)
        assert all(runs.COLUMNS.values())

    def test_a_csv_from_before_the_learners_is_read_as_it_is(self, tmp_path: Path) -> None:
        later = ["learner", "window", "weight_decay", "dropout", "ends_lr"]
        old = runs.table_of(rows()).drop(columns=later)
        runs.write_table(old, tmp_path / "runs.csv")
        pd.testing.assert_frame_equal(runs.read_table(tmp_path / "runs.csv"), old)

    def test_a_width_that_is_no_whole_number_is_left_to_its_owner(self, tmp_path: Path) -> None:
        file = tmp_path / "runs.csv"
        file.write_text("params,tokens,loss,width,shift\n1,2,3.5,12.5,maybe\n1,2,3.5,,\n")
        with pytest.raises(ValueError, match="'shift'"):
            runs.read_table(file)
        file.write_text("params,tokens,loss,width\n1,2,3.5,12.5\n1,2,3.5,\n")
        assert runs.read_table(file)["width"].iloc[0] == 12.5

    def test_what_an_old_row_lacks_is_empty(self) -> None:
        old = {k: v for k, v in rows()[0].items() if k not in ("batch", "cooldown", "version")}
        assert runs.table_of([old])[["batch", "cooldown", "version"]].isna().all(axis=None)


class TestFiles:
    @pytest.mark.parametrize("some", [[0, 1, 2], [0], [1], [2], [0, 0]])
    def test_a_table_of_a_sweep_comes_back_the_same_in_every_bit_and_type(
        self, tmp_path: Path, some: list[int]
    ) -> None:
        table = runs.table_of(rows()[i] for i in some)
        runs.write_table(table, tmp_path / "runs.csv")
        again = runs.read_table(tmp_path / "runs.csv")
        pd.testing.assert_frame_equal(again, table, check_exact=True)
        runs.write_table(again, tmp_path / "again.csv")
        assert (tmp_path / "again.csv").read_bytes() == (tmp_path / "runs.csv").read_bytes()

    def test_a_text_may_look_like_nothing(self, table: pd.DataFrame, tmp_path: Path) -> None:
        table["my own column"] = ["None", "nan", "NA"]
        runs.write_table(table, tmp_path / "runs.csv")
        assert runs.read_table(tmp_path / "runs.csv")["my own column"].tolist() == [
            "None",
            "nan",
            "NA",
        ]

    @pytest.mark.parametrize("empty", ["", "nan", "NaN", "NA"])
    def test_a_missing_number_may_be_written_in_several_ways(
        self, tmp_path: Path, empty: str
    ) -> None:
        file = tmp_path / "runs.csv"
        file.write_text(f"params,tokens,loss,batch\n1,2,3.5,4\n1,2,3.5,{empty}\n")
        assert runs.read_table(file)["batch"].tolist() == [4, pd.NA]

    def test_half_a_sequence_is_refused(self, tmp_path: Path) -> None:
        file = tmp_path / "runs.csv"
        file.write_text("params,tokens,loss,batch\n1,2,3.5,4.5\n")
        with pytest.raises(ValueError, match="'batch' must hold whole numbers or nothing"):
            runs.read_table(file)

    def test_a_table_survives_the_round_trip(self, table: pd.DataFrame, tmp_path: Path) -> None:
        runs.write_table(table, tmp_path / "runs.csv")
        again = runs.read_table(str(tmp_path / "runs.csv"))
        pd.testing.assert_frame_equal(again, table, check_dtype=False, check_exact=True)

    def test_every_bit_of_a_loss_survives(self, table: pd.DataFrame, tmp_path: Path) -> None:
        many = pd.concat([table.iloc[:1]] * 1_000, ignore_index=True)
        many["loss"] = np.random.default_rng(0).lognormal(size=1_000)
        runs.write_table(many, tmp_path / "runs.csv")
        assert (runs.read_table(tmp_path / "runs.csv")["loss"] == many["loss"]).all()

    def test_a_bad_table_is_not_written(self, table: pd.DataFrame, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match="'loss'"):
            runs.write_table(table.assign(loss=0), tmp_path / "runs.csv")
        assert not (tmp_path / "runs.csv").exists()

    def test_a_missing_file_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError, match=r"nowhere\.csv"):
            runs.read_table(tmp_path / "nowhere.csv")

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"", "not a CSV table"),
            (b"\xff\xfe\x00\x01", "not a CSV table"),
            (b"params,tokens,loss\n1,2,3\n1,2,3,4,5\n", "not a CSV table"),
            (b"params,tokens,loss\n1,2,3,4\n5,6,7,8\n", "not a CSV table"),
            (b"params;tokens;loss\n1;2;3\n", "lacks the columns"),
            (b"<html>not found</html>", "lacks the columns"),
            (b"params,tokens,loss\n", "no rows"),
            (b'params,tokens,loss\n1,2,"3,5"\n', "'loss' must hold positive numbers"),
        ],
    )
    def test_a_file_that_holds_no_table_of_runs_is_refused(
        self, tmp_path: Path, content: bytes, message: str
    ) -> None:
        file = tmp_path / "runs.csv"
        file.write_bytes(content)
        with pytest.raises(ValueError, match=message):
            runs.read_table(file)

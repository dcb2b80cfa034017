"""The table of runs: `scalinglaws.runs`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from scalinglaws import runs


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
        assert runs.finished(whole) is whole

    @pytest.mark.parametrize("status", ["diverged", "OK", np.nan])
    def test_if_none_is_left_the_reasons_are_told(self, table: pd.DataFrame, status: Any) -> None:
        with pytest.raises(ValueError, match=f"no run finished: their status is {status}"):
            runs.finished(table.assign(status=status))

    def test_a_bad_number_is_found_here_too(self, table: pd.DataFrame) -> None:
        with pytest.raises(ValueError, match="'tokens'"):
            runs.finished(table.assign(tokens=-1))


class TestFiles:
    def test_a_table_survives_the_round_trip(self, table: pd.DataFrame, tmp_path: Path) -> None:
        runs.write(table, tmp_path / "runs.csv")
        again = runs.read(str(tmp_path / "runs.csv"))
        pd.testing.assert_frame_equal(again, table, check_dtype=False, check_exact=True)

    @pytest.mark.parametrize("fingerprint", ["000123456789", "12345678e901", "123456789012"])
    def test_a_fingerprint_that_looks_like_a_number_stays_a_text(
        self, table: pd.DataFrame, tmp_path: Path, fingerprint: str
    ) -> None:
        runs.write(table.assign(corpus=fingerprint), tmp_path / "runs.csv")
        assert set(runs.read(tmp_path / "runs.csv")["corpus"]) == {fingerprint}

    def test_every_bit_of_a_loss_survives(self, table: pd.DataFrame, tmp_path: Path) -> None:
        many = pd.concat([table.iloc[:1]] * 1_000, ignore_index=True)
        many["loss"] = np.random.default_rng(0).lognormal(size=1_000)
        runs.write(many, tmp_path / "runs.csv")
        assert (runs.read(tmp_path / "runs.csv")["loss"] == many["loss"]).all()

    def test_a_bad_table_is_not_written(self, table: pd.DataFrame, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match="'loss'"):
            runs.write(table.assign(loss=0), tmp_path / "runs.csv")
        assert not (tmp_path / "runs.csv").exists()

    def test_a_missing_file_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError, match=r"nowhere\.csv"):
            runs.read(tmp_path / "nowhere.csv")

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
            runs.read(file)

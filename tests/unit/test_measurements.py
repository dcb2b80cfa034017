"""Tables as others write them: `scalinglaws.runs.measurements`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from scalinglaws.runs import PF_DAY, Measurements, measurements, reference

TRUE = np.array([[70e6, 2e9, 3.512], [160e6, 4e9, 3.104], [410e6, 1.5e10, 2.703],
                 [1e9, 4e10, 2.409]])  # fmt: skip
"""params, tokens and loss of four runs."""


def written(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "runs.csv"


def same(found: Measurements) -> bool:
    assert found.params is not None and found.tokens is not None
    got = np.column_stack([found.params, found.tokens, found.loss])
    return got.shape == TRUE.shape and bool(np.allclose(got, TRUE, rtol=1e-6))


def grouped(value: float, sign: str) -> str:
    return f"{value:,.0f}".replace(",", sign)


def lines(header: str, rows: list[str], end: str = "\n") -> str:
    return end.join([header, *rows]) + end


def plain() -> list[str]:
    return [f"{N:.0f},{D:.0f},{L}" for N, D, L in TRUE]


WRITTEN = {
    "plain": lines("params,tokens,loss", plain()),
    "German spreadsheet": "\ufeff" + lines(
        "Model Size;Training Tokens;Loss;Notiz",
        [f"{grouped(N, '.')};{grouped(D, '.')};{str(L).replace('.', ',')};"
         for N, D, L in TRUE.tolist()] + [";;;", ";;;"], "\r\n"),
    "American spreadsheet": lines(
        "Model Size,Training Tokens,Final Loss,,",
        [f'"{N:,.0f}","{D:,.0f}",{L},,' for N, D, L in TRUE] + [",,,,"], "\r\n"),
    "spaces between thousands": lines(
        "N;D;L", [f"{grouped(N, ' ')};{grouped(D, chr(0x202f))};{L}".replace(".", ",")
                  for N, D, L in TRUE]),
    "apostrophes": lines("n_params,num_tokens,val_loss",
                         [f"{grouped(N, chr(39))},{D:.0f},{L}" for N, D, L in TRUE]),
    "suffixes": lines("PARAMS,Train_Tokens,eval loss",
                      [f"{N / 1e6:g}M,{D / 1e9:g} B,{L}" for N, D, L in TRUE]),
    "powers": lines("params,tokens,loss",
                    [f"{N / 1e8:g}x10^8,{D / 1e9:g} × 10^9,{L}" for N, D, L in TRUE]),
    "scientific": lines("params,tokens,loss", [f"{N:.3e},{D:.3E},{L}" for N, D, L in TRUE]),
    "units in the names": lines("Params (M)\ttokens_in_billions\tLoss (nats/token)",
                                [f"{N / 1e6:g}\t{D / 1e9:g}\t{L}" for N, D, L in TRUE]),
    "FLOPs for tokens": lines("N,C,L", [f"{N},{6 * N * D},{L}" for N, D, L in TRUE]),
    "PF-days for params": lines("D,compute (PF-days),L",
                                [f"{D},{float(6 * N * D / PF_DAY)!r},{L}" for N, D, L in TRUE]),
    "a title above": lines("My sweep,,\nMay,,\nparams,tokens,loss", plain()),
    "quoted": lines('"params","tokens","loss"',
                    [f'"{N:.0f}","{D:.0f}","{L}"' for N, D, L in TRUE]),
    "aligned by spaces": lines("params  tokens   loss", [r.replace(",", "   ") for r in plain()]),
    "an empty column": lines("params,tokens,loss,flops", [r + "," for r in plain()]),
}  # fmt: skip


@pytest.mark.parametrize("how", WRITTEN)
def test_it_reads_numbers_as_people_write_them(how: str, file: Path) -> None:
    found = measurements(written(file, WRITTEN[how]))
    assert same(found)
    assert sum(found.excluded.values()) == 0


def test_a_semicolon_says_decimal_comma(file: Path) -> None:
    """Nothing else tells what "1,500" is: without semicolons it is refused."""
    text = "params;tokens;loss\n1,500;2000000000;3\n2,500;4000000000;2\n"
    assert measurements(written(file, text)).params.tolist() == [1.5, 2.5]
    with pytest.raises(ValueError, match="can be read in two ways"):
        measurements(written(file, text.replace(";", "\t")))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_it_reads_what_spreadsheets_save(encoding: str, file: Path) -> None:
    text = lines("Größe;params;tokens;loss", [f"é;{r}".replace(",", ";") for r in plain()])
    assert same(measurements(written(file, text, encoding)))


def test_it_says_what_it_understood(file: Path) -> None:
    notes = "\n".join(measurements(written(file, WRITTEN["German spreadsheet"])).notes)
    assert "separated by semicolons" in notes
    assert "column 'Model Size' was taken as params" in notes
    assert "a comma was read as decimal sign, as in '3,512'" in notes
    assert "a dot was read as thousands sign" in notes
    assert "FLOPs were derived as C = 6 N D" in notes
    notes = "\n".join(measurements(written(file, WRITTEN["suffixes"])).notes)
    assert "suffixes were read as thousands, millions and so on in column 'PARAMS' as in" in notes
    notes = "\n".join(measurements(written(file, WRITTEN["units in the names"])).notes)
    assert "'Params (M)' was taken as params, in units of 1e+06 (M)" in notes
    notes = "\n".join(measurements(written(file, WRITTEN["FLOPs for tokens"])).notes)
    assert "tokens were derived as D = C / (6 N)" in notes


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        (" \n\n", "is empty"),
        ("params,tokens,loss\n", "no rows"),
        ("1e6,2e9,3.1\n2e6,2e9,3.0\n", "no header"),
        ("hello\nworld\n", "no column for loss was recognised among 'hello'"),
        ("params,tokens,eval/macro_loss\n1,2,3\n", "Perhaps it is 'eval/macro_loss'"),
        ("params,size (MB),loss\n,2,3\n", "params, tokens and FLOPs are empty"),
        ("size (MB),loss\n2,3\n", "A size in bytes is not a number of parameters"),
        ("params,tokens,bpb\n1,2,3\n", "--tokens-per-byte 0.25"),
        ("params,tokens,loss (bits)\n1,2,3\n", "not in nats"),
        ("loss,seed\n3,1\n", "no column for parameters, tokens or FLOPs"),
        ("params,N,tokens,loss\n1,1,2,3\n", "columns 'params' and 'N' both claim to be params"),
        ("params,tokens,loss\n1e6,2e9,2,31\n", "line 2: more fields than the header"),
        ("params,tokens,loss\n" + "1e6,2e9,2.1\n" * 40 + "1e6,2e9,2,31\n", "line 42: more fields"),
        ('params,tokens,loss\n"1,500",2e9,3\n"2,500",4e9,2\n', "'1,500'.* can be read in two ways"),
        ('params,tokens,loss\n1e6,2e9,"3,1"\n1e6,2e9,3.2\n', "both the comma and the dot"),
        ("params,tokens,loss\nx,2e9,nan\ny,1e9,2\n", "no row holds usable numbers"),
        (
            "params,tokens,loss\n0,2e9,3\n1e6,-2,3\n1e6,2e9,inf\n1e6,2e9,3\n",
            r"more than half of the rows \(3 of 4\).*zero.*negative.*infinite",
        ),
        ("params,tokens,word_perplexity\n1,2,3\n", "is per word"),
        ("params,tokens,loss,status\n1e6,2e9,3,failed\n", "no run finished.*--column status=none"),
        ("params,tokens,loss,diverged\n1e6,2e9,3,maybe\n", "must say yes or no"),
        ("PK\x03\x04", "save the sheet as CSV"),
        ("params,tokens,loss\n1,2\0,3\n", "not a text file"),
    ],
)
def test_what_cannot_be_understood_is_refused(text: str, message: str, file: Path) -> None:
    with pytest.raises(ValueError, match=message):
        measurements(written(file, text))


def test_there_must_be_a_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="there is no file"):
        measurements(tmp_path / "no.csv")
    with pytest.raises(ValueError, match="is a folder"):
        measurements(tmp_path)


@pytest.mark.parametrize(
    "name",
    ["tokens per param", "tokens (per parameter)", "FLOPs/s", "TFLOPs", "flops (per token)",
     "loss_std", "Perplexity", "d_model"],
)  # fmt: skip
def test_another_quantity_is_not_taken_for_one_of_these(name: str) -> None:
    table = pd.DataFrame({"params": [1e6, 2e6], "tokens": [1e9, 1e9], "loss": [3.0, 2.9]})
    assert not any(name in note for note in measurements(table.assign(**{name: 7.0})).notes)


def test_bad_rows_are_named_counted_and_left_out(file: Path) -> None:
    bad = ["0,1e9,3", "1e6,-1,3", "1e6,1e9,nan", "1e6,1e9,", "x,1e9,3", "1e6,inf,3"]
    good = [f"{i}e6,{i}e9,3.{i}" for i in range(1, 8)]
    text = lines("params,tokens,loss", [good[0], *bad, *good[1:], "", good[0], good[0]])
    found = measurements(written(file, text))
    assert found.loss.tolist() == [3 + i / 10 for i in range(1, 8)]
    assert found.rows.tolist() == [2, 9, 10, 11, 12, 13, 14]
    assert found.excluded == {"not finished": 0, "bad values": 6, "duplicates": 2, "worst": 0}
    notes = "\n".join(found.notes)
    for said in (
        "1 row with params zero in column 'params' (line 3, e.g. '0')",
        "1 row with tokens negative in column 'tokens' (line 4",
        "2 rows with loss missing in column 'loss' (lines 5, 6)",
        "1 row with params not a number in column 'params' (line 7, e.g. 'x')",
        "1 row with tokens infinite in column 'tokens' (line 8",
        "2 rows that repeat an earlier one in every column (lines 16, 17)",
    ):
        assert said in notes


def test_repeats_that_differ_in_another_column_are_no_copies() -> None:
    table = pd.DataFrame({"params": 1e6, "tokens": 1e9, "loss": [3.0, 3.0, 2.9], "lr": [1, 2, 1]})
    assert len(measurements(table)) == 3
    assert len(measurements(table.drop(columns="lr"))) == 2
    assert len(measurements(table.drop(columns="lr").assign(index=[1, 2, 3]))) == 2


def test_runs_that_did_not_finish_are_left_out() -> None:
    state = ["ok", "Finished", "diverged", "failed: memory", None, "completed"]
    table = pd.DataFrame({"N": np.arange(1, 7) * 1e6, "D": 1e9, "loss": 3.0, "state": state})
    found = measurements(table)
    assert found.excluded["not finished"] == 2
    assert found.rows.tolist() == [0, 1, 4, 5]
    assert any("1 'diverged', 1 'failed: memory'; rows 2, 3" in note for note in found.notes)
    marked = table.drop(columns="state").assign(diverged=[False, True, False, False, False, True])
    assert measurements(marked).rows.tolist() == [0, 2, 3, 4]


def test_the_worst_are_left_out_when_asked() -> None:
    table = pd.DataFrame({"N": [1e6, 2e6, 3e6, 4e6], "D": 1e9, "loss": [3.0, 9.0, 2.0, 8.0]})
    found = measurements(table, drop_worst=2)
    assert found.loss.tolist() == [3.0, 2.0] and found.excluded["worst"] == 2
    assert any("the 2 highest losses, from 8 to 9" in note for note in found.notes)
    for many in (4, 9):
        with pytest.raises(ValueError, match=f"cannot leave out the {many} highest losses of 4"):
            measurements(table, drop_worst=many)
    for wrong in (-1, 1.5, True):
        with pytest.raises(ValueError, match="drop_worst must be"):
            measurements(table, drop_worst=wrong)


def test_the_reader_may_say_which_column_is_which() -> None:
    table = pd.DataFrame({"N": [1e6, 2e6], "D": 1e9, "val_loss": [3.0, 2.9], "test_loss": 3.3,
                          "flops": [1.0, 2.0]})  # fmt: skip
    with pytest.raises(ValueError, match="'val_loss' and 'test_loss' both claim to be loss"):
        measurements(table)
    found = measurements(table, columns={"loss": "test_loss", "flops": None})
    assert found.loss.tolist() == [3.3, 3.3] and not found.flops_given
    with pytest.raises(ValueError, match="there is no column 'x' for loss; there are 'N', 'D'"):
        measurements(table, columns={"loss": "x"})
    with pytest.raises(ValueError, match="there is no role 'size'"):
        measurements(table, columns={"size": "N"})


def test_a_training_loss_serves_only_where_there_is_no_other() -> None:
    table = pd.DataFrame({"N": [1e6, 2e6], "D": 1e9, "train_loss": [3.0, 2.9]})
    assert any("is a training loss" in note for note in measurements(table).notes)
    both = measurements(table.assign(val_loss=[3.2, 3.1]))
    assert both.loss.tolist() == [3.2, 3.1]
    assert any("'train_loss' was not used" in note for note in both.notes)


def test_flops_of_another_count_are_kept_and_said() -> None:
    table = pd.DataFrame({"N": [1e6, 2e6], "D": 1e9, "C": [8e15, 1.6e16], "L": [3.0, 2.9]})
    found = measurements(table)
    assert found.flops_given and found.flops.tolist() == [8e15, 1.6e16]
    assert any("are 8 N D in the median" in note for note in found.notes)


def test_rows_of_one_training_run_are_known_by_its_name() -> None:
    table = pd.DataFrame(
        {"N": 1e6, "D": [1e9, 2e9, 1e9], "loss": [3, 2, 4], "run": ["a", "a", "b"]}
    )
    assert measurements(table).run.tolist() == [0, 0, 1]
    assert measurements(table.assign(run=["a", "b", "c"])).run is None


def test_the_runs_of_this_package_are_understood_without_a_word() -> None:
    found = measurements(reference())
    table = reference()
    fine = table[table["status"] == "ok"]
    assert found.flops_given
    assert len(found) + found.excluded["duplicates"] == len(fine)
    assert found.excluded["bad values"] == 0
    assert set(found.params) == set(fine["params"])


def test_a_large_table_takes_seconds() -> None:
    """A tenth of a million rows; the time of a million is ten times as long."""
    import io
    import tempfile
    import time

    rng = np.random.default_rng(0)
    n = 100_000
    table = pd.DataFrame({"Model Size": rng.integers(10**6, 10**9, n),
                          "tokens": rng.integers(10**8, 10**11, n),
                          "loss": rng.uniform(2, 4, n).round(5)})  # fmt: skip
    text = io.StringIO()
    table.to_csv(text, index=False)
    with tempfile.TemporaryDirectory() as folder:
        path = written(Path(folder) / "many.csv", text.getvalue())
        begun = time.process_time()
        found = measurements(path)
        assert time.process_time() - begun < 3
    np.testing.assert_array_equal(found.params, table["Model Size"])


class TestAside:
    """Runs that were left out by choice are kept aside, for figures to show."""

    table = pd.DataFrame(
        {
            "params": [1e8] * 4 + [1e9] * 4,
            "tokens": [1e10, 2e10] * 4,
            "loss": [3.0, 2.9, 3.1, 2.95, 2.6, 2.5, 2.65, 9.0],
            "lr": [1e-3, 1e-3, 1e-4, 1e-4] * 2,
            "data": ["a", "a", "a", "a", "b", "b", "b", "b"],
        }
    )

    def test_the_worst(self) -> None:
        found = measurements(self.table, drop_worst=2)
        assert found.aside is not None
        assert found.aside.loss.tolist() == [3.1, 9.0] and len(found) == 6
        assert list(found.aside.table["loss"]) == [3.1, 9.0]
        assert found.aside.aside is None

    def test_the_worst_of_the_best(self) -> None:
        found = measurements(self.table, best_of="lr", drop_worst=1)
        assert found.aside is not None
        assert found.loss.tolist() == [2.9, 2.6, 2.5]
        assert sorted(found.aside.loss) == [2.65, 2.95, 3.0, 3.1, 9.0]

    def test_each_goes_with_its_experiment(self) -> None:
        parts = measurements(self.table, best_of="lr", by="data").split()
        assert [sorted(p.aside.loss) for p in parts.values() if p.aside is not None] == [
            [2.95, 3.1],
            [2.65, 9.0],
        ]
        apart = measurements(self.table, drop_worst=1).apart("data").split()
        assert apart["a"].aside is None and apart["b"].aside is not None

    def test_nothing_is_aside_unless_asked(self) -> None:
        assert measurements(self.table).aside is None


def test_a_status_of_zeros_and_ones_says_nothing_by_itself() -> None:
    table = pd.DataFrame({"params": [1e8, 2e8, 3e8], "tokens": 1e10, "loss": [3.0, 2.9, 9.9],
                          "status": [0, 0, 1]})  # fmt: skip
    with pytest.raises(ValueError, match="--where status=0 or --where status=1"):
        measurements(table)
    assert measurements(table, where={"status": 0}).loss.tolist() == [3.0, 2.9]
    assert len(measurements(table, columns={"status": None})) == 3
    code = measurements(table.rename(columns={"status": "exit_code"}))
    assert code.loss.tolist() == [3.0, 2.9]


def test_one_number_of_tokens_per_step_where_batches_differ() -> None:
    table = pd.DataFrame({"params": [1e8, 2e8, 3e8, 4e8], "batch_size": [256, 256, 512, 512],
                          "seq_len": 2048, "step": 1000, "loss": [3.0, 2.9, 2.8, 2.7]})  # fmt: skip
    with pytest.raises(ValueError, match="'batch_size' and 'seq_len' differ"):
        measurements(table, tokens_per_step=512 * 2048)
    found = measurements(table, tokens_per_step=256 * 2048, where={"batch_size": 256})
    assert found.tokens is not None and found.tokens.tolist() == [1000 * 256 * 2048] * 2
    shorter = table.assign(seq_len=[2048, 2048, 1024, 1024])
    assert len(measurements(shorter, tokens_per_step=256 * 2048)) == 4


def test_tokens_per_byte_that_nothing_uses_are_refused() -> None:
    table = pd.DataFrame({"params": [1e8, 2e8], "tokens": 1e10, "loss": [1.0, 0.9]})
    with pytest.raises(ValueError, match="--unit loss=bits/byte"):
        measurements(table, tokens_per_byte=0.25)
    found = measurements(table, tokens_per_byte=0.25, units={"loss": "bits/byte"})
    np.testing.assert_allclose(found.loss, np.array([1.0, 0.9]) * np.log(2) / 0.25)

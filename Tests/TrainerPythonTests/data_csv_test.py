"""Tables of text: read row by row up to the limit, and a quote that never closes costs its own row."""

from __future__ import annotations

import csv
import gzip
import io
import os
from pathlib import Path

import pytest
from losslab_trainer.data import opening
from losslab_trainer.data.load import Preferences, load_preferences
from losslab_trainer.data.problem import DataProblem
from losslab_trainer.data.reading import read_file
from losslab_trainer.data.sources import Broken
from losslab_trainer.data.spec import DataSpec

HEADER = "prompt,chosen,rejected\n"


def good(first: int, count: int) -> str:
    return "".join(f"Which fish is number {n}?,Carp {n}.,A pike.\n" for n in range(first, first + count))


def loaded(folder: Path, content: str | bytes, limit: int | None = None, name: str = "pairs.csv") -> Preferences:
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return load_preferences(DataSpec(str(folder / name), limit=limit))


# What one line holds, and what is said of it.
ONE_BAD_ROW = {
    "an open quote": ('p,"not closed,r\n', "line 502"),
    "an open quote in the last cell": ('p,c,"not closed\n', "line 502"),
    "an open quote at the beginning": ('"p,c,r\n', "line 502"),
    "too few cells": ("p,c\n", "2 cells where the header has 3"),
    "too many cells": ("p,c,r,x\n", "4 cells where the header has 3"),
}


@pytest.mark.parametrize("after", ["plain", "quoted"])
@pytest.mark.parametrize("name", ONE_BAD_ROW)
def test_a_bad_row_costs_itself_and_is_told_with_its_line(tmp_path: Path, name: str, after: str) -> None:
    line, words = ONE_BAD_ROW[name]
    rest = good(500, 1000)
    if after == "quoted":  # so that the quote finds another
        rest = rest.replace("Carp 700.", '"Carp, 700."').replace("Carp 900.", '"Carp ""900"".\nOr two lines."')
    found = loaded(tmp_path, HEADER + good(0, 500) + line + rest)
    assert [finding.row for finding in found.unusable] == [500]
    assert words in found.unusable[0].explanation and found.unusable[0].reason == "malformed"
    assert len(found.rows) == 1500
    assert found.rows[900].chosen == ('Carp "900".\nOr two lines.' if after == "quoted" else "Carp 900.")


def test_an_open_quote_in_the_last_line_costs_it_alone(tmp_path: Path) -> None:
    found = loaded(tmp_path, HEADER + good(0, 20) + 'p,c,"r')
    assert len(found.rows) == 20 and "line 22" in found.unusable[0].explanation


def test_many_open_quotes_are_read_in_time(tmp_path: Path) -> None:
    found = loaded(tmp_path, HEADER + good(0, 10) + "".join(f'p{n},"c,r\n' for n in range(20_000)) + good(10, 10))
    assert len(found.rows) == 20 and len(found.unusable) == 20_000


def test_a_quoted_cell_that_goes_on_and_on_is_one_bad_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "LONGEST_LINE", 2000)
    found = loaded(tmp_path, HEADER + good(0, 3) + 'p,"' + good(3, 200) + f"p,{'c' * 3000},r\n" + good(300, 4))
    assert len(found.rows) == 3 + 199 + 4
    assert [finding.row for finding in found.unusable] == [3, 203]
    assert "a line of 3005 bytes, more than 2000" in found.unusable[1].explanation


def test_a_limit_ends_the_reading(tmp_path: Path) -> None:
    whole = gzip.compress((HEADER + good(0, 20_000)).encode())
    half = whole[: len(whole) // 2]  # what lies behind the first rows is not even whole
    assert len(loaded(tmp_path, half, limit=3, name="pairs.csv.gz").rows) == 3
    with pytest.raises(DataProblem, match="cannot be read"):
        load_preferences(DataSpec(str(tmp_path / "pairs.csv.gz")))


def test_cells_are_those_that_were_written(tmp_path: Path) -> None:
    cells = ['a "quoted" word', "two\nlines", "two\r\nlines", "a, comma", " spaces ", "", "naïve 猫", "\ttab", "'", '"']
    rows = [[a, b, f"{a}{b}"] for a in cells for b in cells]
    for delimiter, name in ((",", "a.csv"), ("\t", "a.tsv")):
        for end in ("\n", "\r\n"):
            file = io.StringIO()
            csv.writer(file, delimiter=delimiter, lineterminator=end).writerows([["a", "b", "c"], *rows])
            (tmp_path / name).write_bytes(file.getvalue().encode())
            found = read_file(tmp_path / name)
            assert found == [dict(zip("abc", row, strict=True)) for row in rows]


def test_what_is_not_quite_a_table_is_read_as_it_was_meant(tmp_path: Path) -> None:
    lines = ["a,b\n", 'a 5" disk,x\n', "\n", '"said" he,y\n', "last,z"]
    (tmp_path / "a.csv").write_text("".join(lines))
    found = [tuple(row.values()) for row in read_file(tmp_path / "a.csv") if not isinstance(row, Broken)]
    assert found == [('a 5" disk', "x"), ("said he", "y"), ("last", "z")]
    # Lines of an old Macintosh.
    (tmp_path / "a.csv").write_bytes(b"a,b\r1,2\r3,4\r")
    assert read_file(tmp_path / "a.csv") == [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]


def test_a_header_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataProblem, match=r"the header of .*a\.csv cannot be read: a quote that opens in line 1"):
        loaded(tmp_path, '"prompt,chosen,rejected\n' + good(0, 5), name="a.csv")


def test_a_file_name_that_is_not_utf8_is_shown_and_refused(tmp_path: Path) -> None:
    name = os.fsdecode(b"pa\xefrs.csv")
    (tmp_path / name).write_text(HEADER + good(0, 3))
    for path in (tmp_path, tmp_path / name):
        with pytest.raises(DataProblem) as found:
            load_preferences(DataSpec(str(path)))
        assert "pa\\xefrs.csv" in str(found.value) and "not UTF-8; rename it" in str(found.value)
        str(found.value).encode("utf-8")
    # As it arrives from a command line.
    with pytest.raises(DataProblem, match="not UTF-8; rename it"):
        load_preferences(DataSpec(str(tmp_path / "pa\N{REPLACEMENT CHARACTER}rs.csv")))

"""CSV files as users bring them: understood as they are meant, or refused with the line and the
option that decides.

The right values are the numbers that were written into the file; what is right about a refusal is
what it names. No file is sampled here but one, whose free energy is a quadrature.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from singlearn.cli import main
from singlearn.results.refusal import RefusalError
from singlearn.selection.csv_table import Dialect, Table, read_csv
from singlearn.selection.families import mixture_family

V = np.round(np.random.default_rng(0).normal(size=30) * 2 + 5, 3)
W = V[::-1]


def lines(values=V, end: str = "\n") -> str:
    return "".join(f"{v:.3f}{end}" for v in values)


def pairs(first="{i}", header: str = "") -> str:
    return header + "".join(
        f"{first.format(i=i, v=v)},{w:.3f}\n" for i, (v, w) in enumerate(zip(V, W, strict=True))
    )


TWO = pairs("{v:.3f}")
COMMAS = lines().replace(".", ",")
# Whole parts and decimals of both columns, each a column.
FOURTHS = [[int(f"{v:.3f}".split(".")[k]) for v in column] for column in (V, W) for k in (0, 1)]


def read(tmp_path: Path, text: str | bytes, only=None, **said) -> Table:
    path = tmp_path / "data.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_csv(path, only, Dialect(**said))


UNDERSTOOD = {
    "a byte-order mark and CR LF": ("\ufeffv\r\n" + lines(end="\r\n"), {}, [V]),
    "CR, as of old": ("v\r" + lines(end="\r"), {}, [V]),
    "CR CR LF, as a text file of Python's csv on Windows": (
        "v\r\r\n" + lines(end="\r\r\n"),
        {},
        [V],
    ),
    "UTF-16 with a byte-order mark": (("v\n" + lines()).encode("utf-16"), {}, [V]),
    "decimal commas that were said": (COMMAS, {"decimal": ","}, [V]),
    "decimal commas under a header": ("v\n" + COMMAS, {"decimal": ","}, [V]),
    "decimal commas between semicolons": (
        "a;b\n1,5;2,5\n3,5;4\n",
        {"decimal": ","},
        [[1.5, 3.5], [2.5, 4]],
    ),
    "decimal commas in quotation marks": (
        '"1,5","2,5"\n"3,5","4"\n',
        {"decimal": ",", "delimiter": ","},
        [[1.5, 3.5], [2.5, 4]],
    ),
    "thousands that were said": (
        "999\n1,234\n2,345,678\n",
        {"thousands": ","},
        [[999, 1234, 2345678]],
    ),
    "points between thousands": ("1.234,5\n2,5\n", {"thousands": "."}, [[1234.5, 2.5]]),
    "apostrophes between thousands": ("1'234.5\n2\n", {"thousands": "'"}, [[1234.5, 2]]),
    "pairs of whole numbers": ("1,2\n3,9\n5,6\n", {"delimiter": ","}, [[1, 3, 5], [2, 9, 6]]),
    "pairs of whole numbers under two names": ("a,b\n1,2\n3,9\n5,6\n", {}, [[1, 3, 5], [2, 9, 6]]),
    "tabs": ("a\tb\n1\t2.5\n4\t5\n", {}, [[1, 4], [2.5, 5]]),
    "bars": ("1.5|2.5\n4|5\n", {}, [[1.5, 4], [2.5, 5]]),
    "blanks": ("1  2.5\n4 5\n", {"delimiter": " "}, [[1, 4], [2.5, 5]]),
    "Excel's sep=": ("sep=;\na;b\n1;2.5\n2;1\n", {}, [[1, 2], [2.5, 1]]),
    "a header of years, said": ("2019,2020\n" + TWO, {"header": True}, [V, W]),
    "a first row of whole numbers, said": (
        "2019,2020\n" + TWO,
        {"header": False},
        [[2019, *V], [2020, *W]],
    ),
    "names with digits": ("x1,O2\n" + TWO, {}, [V, W]),
    "sodium": ("Na,K\n" + TWO, {}, [V, W]),
    "the index of pandas": (pairs(header=",v\n"), {}, [W]),
    "the index of pandas, kept": (pairs(header=",v\n"), {"index": "none"}, [range(30), W]),
    "pandas without names": (pairs(header=",0\n"), {}, [W]),
    "pandas, written twice": (pairs("{i},{i}", header=",Unnamed: 0,v\n"), {}, [W]),
    "the row names of R": (pairs('"{i}"', header='"","v"\n'), {}, [W]),
    "an index of dates": (pairs("2019-01-{i}", header=",v\n"), {}, [W]),
    "an index that was said": (pairs(header="id,v\n"), {"index": "id"}, [W]),
    "a time that counts": (pairs(header="time,v\n"), {}, [range(30), W]),
    "separators at the ends of lines": (TWO.replace("\n", ",\n"), {}, [V, W]),
    "separators at the ends of lines, not of the header": (
        "a,b\n" + TWO.replace("\n", ",\n"),
        {},
        [V, W],
    ),
    "comments": ("# 2 columns, no units\n" + TWO + "# more\n", {}, [V, W]),
    "four columns of digits that were said": (
        pairs("{v:.3f}").replace(".", ","),
        {"delimiter": ","},
        FOURTHS,
    ),
    "thousands of India that were said": (
        "12,34,567\n999\n",
        {"thousands": ","},
        [[1234567, 999]],
    ),
    "numbers for people, in any order, that were said": (
        pairs("{i}0", header="patient_id,v\n"),
        {"index": "none"},
        [[10 * i for i in range(30)], W],
    ),
    "a blank line": (lines(V[:9]) + "\n" + lines(V[9:]) + "\n\n", {}, [V]),
    "quotation marks and blanks": (' "5.1" \n+5.\n.5e+2\n', {}, [[5.1, 5, 50]]),
}


@pytest.mark.parametrize(("text", "said", "right"), UNDERSTOOD.values(), ids=UNDERSTOOD)
def test_understood_as_it_is_meant(text, said, right, tmp_path) -> None:
    np.testing.assert_array_equal(read(tmp_path, text, **said).values.T, right)


REFUSED = {
    "a decimal comma or two columns": (
        COMMAS,
        {},
        r"line 1: got '5,251'.*--decimal ,.*--thousands ,.*--delimiter ,",
    ),
    "thousands or two columns": ("1,234\n2,345\n", {}, r"line 1: got '1,234'.*--thousands ,"),
    "thousands with cents": ("1,234.50\n2,345.10\n", {}, r"line 1.*--thousands ,"),
    "millions": ("1,234,567\n2,345,678\n", {}, r"line 1.*--thousands ,.*3 columns"),
    "thousands beside hundreds": (
        "999\n1,234\n",
        {},
        r"line 2: it has 2 entries; it should have 1.*--thousands ,",
    ),
    "a unit after a comma in the header": (
        "velocity, km/s\n" + COMMAS,
        {},
        r"line 2: got '5,251'.*--decimal ,",
    ),
    "decimal commas under a header": ("v\n" + COMMAS, {}, r"line 2.*--decimal ,"),
    "decimal commas between semicolons": (
        "a;b\n1,5;2,5\n",
        {},
        r"line 2, column 1 \(a\): got '1,5'.*--decimal ,",
    ),
    "thousands in quotation marks": (
        'v\n"1,234"\n',
        {},
        r"line 2, column 1 \(v\): got '1,234'.*--thousands ,",
    ),
    "a point where the comma is decimal": ("1,5\n2.5\n", {"decimal": ","}, r"line 2.*got '2.5'"),
    "a group of two": ("1,234\n1,23\n", {"thousands": ","}, r"line 2.*got '1,23'"),
    "decimal commas between commas": (
        TWO.replace(".", ","),
        {},
        r"line 1: '5,251,.*' may be 4 columns, or 2 with decimal commas.*--delimiter ,",
    ),
    "decimal commas behind an index that was said": (
        "".join(f"{i},{v:.3f}\n".replace(".", ",") for i, v in enumerate(V)),
        {"index": "1"},
        r"line 1: '5,251' may be 2 columns, or 1 with decimal commas",
    ),
    "thousands of India": ("12,34,567\n1,23,456\n", {}, r"line 1: got '12,34,567'.*--thousands ,"),
    "numbers for people": (
        pairs("{i}0", header="patient_id,v\n"),
        {},
        r"column 1 \(patient_id\): 00, 10, 20, … number the rows.*--index none",
    ),
    "numbers for people, mixed": (
        "".join(f"{7 * i % 30},{v}\n" for i, v in enumerate(["v", *V])).replace("0,v", "userId,v"),
        {},
        r"column 1 \(userId\).*--index none",
    ),
    "seconds without a header": (
        "".join(f"{1600000000 + 60 * i},{v}\n" for i, v in enumerate(V)),
        {},
        r"column 1.*number the rows.*--index 1",
    ),
    "apostrophes for quotation marks": ("'5.1'\n'6.2'\n", {}, r"line 1.*double quotes"),
    "columns of one width": ("  5.1  6.2\n 15.3 16.2\n", {}, r"line 1.*--delimiter space"),
    "two separators": ("1;2,3\n4;5\n6,7\n", {}, r"comma and semicolon.*--delimiter"),
    "blanks": ("1 2.5\n4 5\n", {}, r"line 1.*--delimiter space"),
    "NA at first": ("NA\n" + lines(), {}, r"line 1.*missing.*--header yes"),
    "nothing in quotation marks at first": ('""\n' + lines(), {}, r"line 1.*missing"),
    "nothing in quotation marks later": (lines() + '""\n5.1\n', {}, r"line 31.*missing"),
    "#N/A": (lines() + "#N/A\n5.1\n", {}, r"line 31.*missing"),
    "a first value and no second": ("NA,5.3\n" + TWO, {}, r"line 1, column 1.*missing"),
    "5.3x at first": ("5.3x\n" + lines(), {}, r"line 1.*got '5.3x'.*--header yes"),
    "l.5 at first": ("l.5\n" + lines(), {}, r"line 1.*got 'l.5'.*--header yes"),
    "-O.5 at first": ("-O.5\n" + lines(), {}, r"line 1.*--header yes"),
    "years": ("2019,2020\n" + TWO, {}, r"line 1: 2019, 2020 .*header.*--header yes or --header no"),
    "one year": ("2019\n" + lines(), {}, r"line 1.*--header"),
    "years above whole numbers": ("2019,2020\n" + "1,7.5\n3,2\n" * 9, {}, r"line 1.*--header"),
    "places of columns": ("0,1\n" + TWO, {}, r"line 1.*--header"),
    "quantiles": (
        "0.1,0.9\n" + "".join(f"{10 + v},{20 + v}\n" for v in V),
        {},
        r"line 1.*--header",
    ),
    "a name beside a year": (
        "x,2019\n" + TWO,
        {},
        r"line 1, column 1.*got 'x' above numbers.*--header yes",
    ),
    "an index without a header": (pairs(), {}, r"column 1.*0, 1, 2, … number the rows.*--index 1"),
    "a shuffled index without a header": (
        "".join(f"{7 * i % 30},{v}\n" for i, v in enumerate(V)),
        {},
        r"column 1.*--index 1",
    ),
    "an id": (pairs("{i}", header="id,v\n"), {}, r"column 1 \(id\).*--index"),
    "an index of times": (pairs("0.{i}", header=",v\n"), {}, r"column 1: it has no name.*--index"),
    "a name less than columns": (
        pairs('"{i}"', header='"v"\n'),
        {},
        r"line 2.*a name may be missing in the first line",
    ),
    "one name for two columns": ("a,a\n" + TWO, {}, r"2 columns have the duplicate name 'a'"),
    "an underscore": ("5.1\n1_5\n", {}, r"line 2.*underscore"),
    "an underscore at first": ("1_5\n5.1\n", {}, r"line 1.*underscore"),
    "hexadecimals": ("5.1\n0x1F\n", {}, r"line 2.*got '0x1F'"),
    "Fortran": ("5.1\n1d5\n", {}, r"line 2.*got '1d5'"),
    "too large": ("5.1\n1e400\n", {}, r"line 2.*too large"),
    "too small": ("5.1\n1e-400\n", {}, r"line 2.*too small"),
    "a typographic minus": ("5.1\n\u22125\n", {}, r"line 2.*MINUS SIGN"),
    "wide digits": ("5.1\n\uff15\n", {}, r"line 2.*FULLWIDTH DIGIT FIVE"),
    "a currency": ("5.1\n€5\n", {}, r"line 2.*got '€5'"),
    "per cent": ("5%\n6%\n", {}, r"line 1.*got '5%'"),
    "a date": ("5.1\n2019-01-02\n", {}, r"line 2.*got '2019-01-02'"),
    "infinity": ("5.1\ninf\n", {}, r"line 2.*finite"),
    "a comment behind a number": ("5.1\n6.2 # out\n", {}, r"line 2.*got '6.2 # out'"),
    "a row without values": ("1,2.5\n,\n3,4.5\n", {}, r"line 2.*missing"),
    "a ragged row": ("1.5,2\n3\n", {}, r"line 2: it has 1 entries; it should have 2"),
    "a header in the middle": ("v\n5.1\nv\n5.2\n", {}, r"line 3, column 1 \(v\): got 'v'"),
    "a quotation mark that is not closed": ('a,b\n1,"2\n3,4\n', {}, r"line 2.*quotation"),
    "nothing": ("", {}, r"empty"),
    "comments only": ("# nothing\n", {}, r"comments only"),
    "a header only": ("v\n", {}, r"a header and no rows"),
    "Latin 1": ("größe\n5\n".encode("latin-1"), {}, r"line 1.*UTF-8"),
    "UTF-16 without a mark": (lines().encode("utf-16-le"), {}, r"UTF-16"),
    "gzip": (b"\x1f\x8b\x08" + bytes(9), {}, r"gzip"),
    "a spreadsheet": (b"PK\x03\x04" + bytes(9), {}, r"spreadsheet"),
    "Parquet": (b"PAR1" + bytes(9), {}, r"Parquet"),
    "JSON": ("[1, 2]", {}, r"JSON"),
}


@pytest.mark.parametrize(("text", "said", "sentence"), REFUSED.values(), ids=REFUSED)
def test_refused_with_the_line_and_what_decides(text, said, sentence, tmp_path) -> None:
    with pytest.raises(RefusalError, match=rf"(?s)data\.csv.*{sentence}") as refusal:
        read(tmp_path, text, **said)
    assert len(str(refusal.value)) < 400


def test_columns_are_what_they_are_called_and_where_they_stand_in_the_file(tmp_path) -> None:
    table = read(tmp_path, pairs("{i},{v}", header=",a,b\n"))
    assert table.columns == ("a", "b") and table.positions == (2, 3)
    assert table.indices(["3", "a"], "--response") == [
        1,
        0,
    ]  # places in the file, also where the index was left out
    with pytest.raises(RefusalError, match="listed twice"):
        table.indices(["a", "2"], "--response")
    with pytest.raises(RefusalError, match="no column '1'"):
        table.indices(["1"], "--response")
    with pytest.raises(
        RefusalError, match=r"--columns: 2 columns of .* have the duplicate name 'a'"
    ):
        read(tmp_path, "a,a\n" + TWO, ["a"])
    np.testing.assert_array_equal(read(tmp_path, "a,a\n" + TWO, ["2"]).values[:, 0], W)


def test_a_text_over_two_lines_and_other_columns_do_no_harm(tmp_path) -> None:
    table = read(tmp_path, 't,v\n"x, 1\ny",2.5\n"z",3\n', ["v"])
    np.testing.assert_array_equal(table.values, [[2.5], [3]])


def test_a_row_that_sums_up_others_is_no_observation(tmp_path) -> None:
    with pytest.raises(RefusalError, match=r"line 4: it says 'Total:' in column 1.*delete it"):
        read(tmp_path, "name,v\na,2.5\nb,3\nTotal:,5.5\n", ["v"])


@pytest.mark.parametrize("code", [-999, 9999, 1e20, -99.9])
def test_a_code_for_missing_values_is_a_number_with_a_word(tmp_path, code) -> None:
    said = f"caution: line 32, column 1 (v) is {code:g}, which often stands for a missing value"
    assert read(tmp_path, f"v\n{lines()}{code}\n").notes[-1].startswith(said)
    # Among numbers of its own size it is one of them.
    among = read(tmp_path, "".join(f"{code * k}\n" for k in (0.5, 1, 1.5)))
    assert not any("caution" in note for note in among.notes)


def test_what_was_read_is_said(tmp_path) -> None:
    notes = read(tmp_path, pairs(header=",v\n").replace("\n", "\n\n", 1)).notes
    assert notes[0] == "line 1 is the header ('', 'v'), 30 rows below it"
    assert "column 1 numbers or labels the rows and is left out" in notes
    assert "blank lines skipped: 1 (line 2)" in notes


def status(arguments: list[str]) -> int:
    try:
        return main(arguments)
    except SystemExit as leaving:
        return int(leaving.code or 0)


@pytest.mark.parametrize(
    ("text", "arguments", "sentence"),
    [
        (
            "".join(f"{v:.6e}\n" for v in V * 1e200),
            [],
            r"data.csv, column 1 (column 1): its values reach 7.73e+200, too large",
        ),
        (
            "".join(f"{v:.6e}\n" for v in V * 1e-200),
            [],
            r"data.csv, column 1 (column 1): its values differ by 7.38e-200, too little",
        ),
        (
            "".join(f"{10**17 + k * 16}\n" for k in range(30)),
            [],
            "double precision rounds to 16, and their range is 464",
        ),
        ("5.1\n5.1\n", [], "all its values are 5.1"),
        ("5.1\n", [], "all its values are 5.1"),
        (TWO, ["--columns", ","], "--columns: got ','"),
        (TWO, ["--header", "maybe"], "--header: got 'maybe'; it should be yes or no"),
        (
            TWO,
            ["--delimiter", "x"],
            "--delimiter: got 'x'; it should be one of , ; | or comma, semicolon, tab, bar, space",
        ),
        (
            TWO,
            ["--decimal", ".", "--thousands", "point"],
            "--thousands: got '.', which is the decimal sign too",
        ),
    ],
)
def test_select_refuses(text, arguments, sentence, tmp_path, capsys) -> None:
    path = tmp_path / "data.csv"
    path.write_text(text)
    assert status(["select", str(path), *arguments]) == 2
    assert sentence in capsys.readouterr().err.replace(f"{tmp_path}/", "")


def test_a_folder_and_options_without_a_file_are_refused(tmp_path, capsys) -> None:
    assert status(["select", str(tmp_path)]) == 2
    assert "it is a folder" in capsys.readouterr().err
    assert status(["select", "galaxies", "--header", "no"]) == 2
    assert "galaxies: it is not a table" in capsys.readouterr().err


def test_a_file_is_refused_before_jax_is_imported(tmp_path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("5.1\n1_5\n")
    check = (
        "import sys; from singlearn.cli.main import main; "
        f"assert main(['select', {str(path)!r}]) == 2; print([m for m in ('jax', 'numpyro', "
        "'torch', 'matplotlib') if m in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", check], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]" and "line 2" in result.stderr


def test_the_index_of_pandas_is_no_second_dimension(tmp_path) -> None:
    """Right: what is modelled is the column that has a name; no sampling is needed to see that."""
    family = mixture_family(read(tmp_path, pairs(header=",v\n")))
    np.testing.assert_array_equal(family.triple(1).data, W)
    assert family.x_label == "v" and family.description.startswith("30 rows, Gaussian mixture")
    assert "column 1 numbers or labels the rows and is left out" in family.note

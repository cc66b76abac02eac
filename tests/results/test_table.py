"""Columns line up: to the letter, for doctests take any amount of white space for the same."""

from singlearn.results.table import Column, aligned, aligned_rows, pairs


def test_numbers_stand_to_the_right_beneath_heads_that_are_wider() -> None:
    assert aligned([Column("n", ["5", "50"], align="right"), Column("λ̂", ["0.5", "–"])]) == [
        "   n   λ̂",
        "   5   0.5",
        "  50   –",
    ]
    assert aligned_rows([("phase", "share"), ("a", "0.40"), ("bc", "0.6")]) == [
        "  phase   share",
        "  a        0.40",
        "  bc        0.6",
    ]


def test_a_column_of_numbers_beneath_a_head_to_the_left() -> None:
    assert aligned([Column("F", ["1.5", "10.5"], "nats", "number"), Column("", ["a", "b"])]) == [
        "  F",
        "  nats",
        "   1.5   a",
        "  10.5   b",
    ]


def test_letters_two_columns_wide_are_not_cut() -> None:
    assert pairs([("名前", "値"), ("n", "82")]) == ["  名前  値", "  n     82"]

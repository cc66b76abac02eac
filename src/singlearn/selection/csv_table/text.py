"""The text of a file, or what else it is."""

from __future__ import annotations

import codecs
from pathlib import Path

from singlearn.results.refusal import RefusalError

SIGNATURES = {
    b"\x1f\x8b": "a gzip file; unpack it first",
    b"BZh": "a bzip2 file; unpack it first",
    b"\xfd7zXZ": "an xz file; unpack it first",
    b"\x28\xb5\x2f\xfd": "a zstd file; unpack it first",
    b"PK\x03\x04": "a zip archive or a spreadsheet (.xlsx, .ods); save the sheet as CSV",
    b"\xd0\xcf\x11\xe0": "a spreadsheet (.xls); save the sheet as CSV",
    b"PAR1": "a Parquet file; write it as CSV",
    b"ARROW1": "an Arrow file; write it as CSV",
    b"FEA1": "a Feather file; write it as CSV",
    b"\x89HDF": "an HDF5 file; write it as CSV",
    b"CDF": "a NetCDF file; write it as CSV",
    b"\x93NUMPY": "a NumPy file; numpy.savetxt(PATH, array, delimiter=',') writes CSV",
    b"SQLite format 3": "an SQLite database; write the table as CSV",
    b"%PDF": "a PDF; it should be text",
}
"""How files begin that are not text, and what to do with them."""

MARKED = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""Byte-order marks and the encodings they name; UTF-32 before UTF-16, whose mark begins the same.
"""


def read_text(path: Path) -> str:
    """The text of a file in UTF-8, or in UTF-16 or UTF-32 if a byte-order mark says so; line ends
    are left as they are.

    Raises:
        RefusalError: the file cannot be read, is not text, or has no characters but blanks.
    """
    if path.is_dir():
        raise RefusalError(f"{path}: it is a folder; it should be a CSV file")
    try:
        found = path.read_bytes()
    except OSError as error:
        raise RefusalError(
            f"{path}: it cannot be read ({error.strerror}); it should be a CSV file"
        ) from None
    kind = next((kind for start, kind in SIGNATURES.items() if found.startswith(start)), None)
    if kind is not None:
        raise RefusalError(f"{path}: it is {kind}")
    encoding = next((name for mark, name in MARKED.items() if found.startswith(mark)), "utf-8")
    try:
        text = found.decode(encoding)
    except UnicodeDecodeError as error:
        line = found[: error.start].count(b"\n") + 1
        raise RefusalError(
            f"{path}, line {line}: its bytes are not {encoding.removesuffix('-sig').upper()} text; "
            "it should be saved as UTF-8"
        ) from None
    if "\0" in text:
        raise RefusalError(
            f"{path}: it has zero bytes, as UTF-16 text without a byte-order mark has; it should "
            "be saved as UTF-8"
        )
    if not text.strip():
        raise RefusalError(f"{path}: it is empty; it should have at least one row of numbers")
    if text.lstrip()[0] in "{[<":
        raise RefusalError(
            f"{path}: it begins with {text.lstrip()[0]!r}, as JSON or HTML does; it should be a "
            "CSV file"
        )
    return text

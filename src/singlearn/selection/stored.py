"""A selection in a folder: every run as it is saved, and what was compared."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from singlearn.running.whole_files import as_path, write_whole
from singlearn.selection.candidate import Candidate
from singlearn.selection.read_runs import candidates_of
from singlearn.tempering import Run
from singlearn.triple import Triple

FORMAT = "singlearn selection 1"
INDEX = "selection.json"


def save(
    candidates: Sequence[Candidate], name: str, description: str, folder: str | os.PathLike[str]
) -> None:
    """See ``Selection.save``; the index is written last, so that a folder without one is no
    selection.
    """
    target = as_path("folder", folder)
    if (target / INDEX).exists():
        raise FileExistsError(f"folder: there is a selection in {target}; give another folder")
    target.mkdir(parents=True, exist_ok=True)
    sizes = []
    for candidate in candidates:
        candidate.run.save(target / f"K{candidate.size}.nc")
        sizes.append(candidate.size)
    index = {
        "format": FORMAT,
        "name": name,
        "description": description,
        "sizes": sizes,
    }
    write_whole(target / INDEX, json.dumps(index, indent=1).encode())


def load(
    folder: str | os.PathLike[str], family: Callable[[int], Triple] | None
) -> tuple[str, str, tuple[Candidate, ...]]:
    """See ``Selection.load``.

    Returns:
        Name, description and candidates.
    """
    source = as_path("folder", folder)
    if not (source / INDEX).is_file():
        raise FileNotFoundError(f"folder: there is no saved selection in {source}")
    index = json.loads(Path(source / INDEX).read_text(encoding="utf-8"))
    if index.get("format") != FORMAT:
        raise ValueError(f"folder: {source} is not of format {FORMAT!r}; select again and save")
    runs = [
        Run.load(source / f"K{size}.nc", None if family is None else family(size))
        for size in index["sizes"]
    ]
    return index["name"], index["description"], candidates_of(index["sizes"], runs)

"""The problems as one archive that is read without this package."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

from singlearn.benchmark.problem import FOLDER, load, names
from singlearn.benchmark.stan import data
from singlearn.running.whole_files import write_whole

BESIDE = ("README.md", "schema.json")
# Files of an archive carry a date; this one makes archives of the same problems equal.
DATE = (2026, 1, 1, 0, 0, 0)


def write_data(path: str | Path) -> Path:
    """Write all problems, the description of their format, its JSON Schema, and the Stan programs
    with their data.

    Args:
        path: of the archive, ``singlearn-benchmark.zip`` for instance; what is there is replaced.

    Returns:
        The path.

    Raises:
        OSError: it cannot be written.
    """
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:

        def put(name: str, text: str) -> None:
            archive.writestr(zipfile.ZipInfo(f"singlearn-benchmark/{name}", DATE), text)

        for name in BESIDE:
            put(name, (FOLDER.parent / name).read_text(encoding="utf-8"))
        for name in names():
            put(f"problems/{name}.json", (FOLDER / f"{name}.json").read_text(encoding="utf-8"))
            problem = load(name)
            program = problem.stan()
            if program is not None:
                put(f"stan/{name}.stan", program)
                put(f"stan/{name}.data.json", data(problem))
        listed = [
            {"name": p.name, "family": p.family, "d": p.dimension, "n": p.n, "title": p.title}
            for p in map(load, names())
        ]
        put("index.json", json.dumps(listed, ensure_ascii=False, indent=1) + "\n")
    write_whole(Path(path), content.getvalue())
    return Path(path)

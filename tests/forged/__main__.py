"""``python -m tests.forged``: every guard of the checker, and what is accepted when it is
missing.
"""

from __future__ import annotations

from .table import rows


def main() -> None:
    found = rows()
    width = max(len(row.guard.label) for row in found)
    for row in found:
        print(
            f"{row.guard.label:{min(width, 100)}}  "
            f"{', '.join(row.accepted) or 'NOTHING: this guard may be deleted unnoticed'}"
        )
    survivors = sum(not row.accepted for row in found)
    print(f"{len(found)} guards, {survivors} without a forged certificate that only they refute.")
    raise SystemExit(bool(survivors))


if __name__ == "__main__":
    main()

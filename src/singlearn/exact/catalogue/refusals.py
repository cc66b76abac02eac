"""What every formula refuses."""

from __future__ import annotations


def require_at_least(argument: str, value: int, minimum: int) -> None:
    """Raise ``ValueError`` naming the argument when it is not a whole number ≥ ``minimum``.

    >>> require_at_least("hidden", 0, 1)
    Traceback (most recent call last):
    ValueError: hidden: got 0; it should be a whole number, at least 1
    """
    if int(value) != value or value < minimum:
        raise ValueError(f"{argument}: got {value}; it should be a whole number, at least {minimum}")


def require_rank(rank: int, widths: list[int]) -> None:
    """Raise ``ValueError`` unless a product through layers of these widths can have this rank."""
    require_at_least("rank", rank, 0)
    if rank > min(widths):
        raise ValueError(
            f"rank: got {rank}; the true map has to fit through the narrowest width, so at most {min(widths)}"
        )


def require_components(argument: str, components: int, true_components: int) -> None:
    """Raise ``ValueError`` unless both are whole numbers ≥ 1 and the model's mixture can contain the true one."""
    require_at_least("true_components", true_components, 1)
    require_at_least(argument, components, 1)
    if components < true_components:
        raise ValueError(
            f"{argument}: got {components}; to contain the truth it should be at least its {true_components} components"
        )

"""Names for the axes of a site's values: of plates where there are some."""

from __future__ import annotations

from numpyro.primitives import CondIndepStackFrame

from singlearn.triple.numpyro_model.statements import Site

# What results already call their first two axes.
TAKEN = {"chain", "draw"}


def dimension_names(sites: dict[str, tuple[Site, tuple[int, ...]]]) -> dict[str, tuple[str, ...]]:
    """A name for each axis of each site.

    An axis of a plate has the plate's name, an axis inside the event the one that
    ``infer={"event_dims": …}`` gives it; the others, and where one name would mean two lengths, are
    ``site_dim_0`` and so on.

    Args:
        sites: by name, a recorded sample site and the shape of its value.

    Returns:
        By site, as many names as its value has axes.
    """
    lengths: dict[str, set[int]] = {}
    wished: dict[str, list[str | None]] = {}
    for name, (site, shape) in sites.items():
        names: list[str | None] = [None] * len(shape)
        batch = len(shape) - site["fn"].event_dim
        frames: list[CondIndepStackFrame] = site["cond_indep_stack"]
        for frame in frames:
            axis = batch + frame.dim
            if 0 <= axis < batch and shape[axis] == frame.size:
                names[axis] = frame.name
        for axis, event_name in zip(
            range(batch, len(shape)), site["infer"].get("event_dims", ()), strict=False
        ):
            names[axis] = str(event_name)
        wished[name] = names
        for label, length in zip(names, shape, strict=True):
            if label is not None:
                lengths.setdefault(label, set()).add(length)
    found = {}
    for name, names in wished.items():
        unsafe = {
            n
            for n in names
            if n is not None
            and (n in TAKEN or n in sites or len(lengths[n]) > 1 or names.count(n) > 1)
        }
        found[name] = tuple(
            f"{name}_dim_{i}" if n is None or n in unsafe else n for i, n in enumerate(names)
        )
    return found

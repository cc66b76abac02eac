"""A cache of what XLA compiled: a second run of the same program does not compile again."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from pathlib import Path

OFF = "SINGLEARN_COMPILATION_CACHE"
"""Set to ``off`` where a command should compile anew."""
LARGEST = 2**30
"""Bytes; the programs used longest ago go first."""
WORTH_KEEPING = 0.05
"""Seconds of compilation; reading a program from disk takes a few milliseconds."""
DIRECTORY = "JAX_COMPILATION_CACHE_DIR"


def use_compilation_cache(folder: str | os.PathLike[str] | None = None) -> Path:
    """Keep what XLA compiles on disk, from here on, for this process and later ones.

    JAX's own persistent cache, with a limit on its size, without which it takes no lock between
    processes. The commands of ``singlearn`` use it unless ``SINGLEARN_COMPILATION_CACHE=off`` or
    ``JAX_COMPILATION_CACHE_DIR`` says otherwise; the library never does so by itself, because a
    program of yours may have a cache of its own. Results are the same numbers, because the same
    machine code runs.

    Args:
        folder: where to keep programs; the user's cache directory if not given. Programs of
            another processor, or of another release of jaxlib, are kept apart within it.

    Returns:
        The folder of this processor and release, at most 1 GiB large.

    Raises:
        OSError: the folder cannot be made.

    >>> use_compilation_cache("programs")  # doctest: +SKIP
    PosixPath('programs/jaxlib-0.10.2-3f76a18f4447')
    """
    import jax
    from jax.experimental.compilation_cache import compilation_cache

    place = _place(folder)
    place.mkdir(parents=True, exist_ok=True)
    for name, value in _settings(place).items():
        jax.config.update(name.lower(), value)
    # JAX opens its cache at the first compilation, and would stay with the one it has.
    compilation_cache.reset_cache()
    return place


def offer_compilation_cache() -> Path | None:
    """The same by environment variables, for a command that may never import JAX.

    Returns:
        The folder, or None where the user chose otherwise, JAX is imported already, or the folder
        cannot be written: then the command compiles as it would have.
    """
    chosen = DIRECTORY in os.environ or os.environ.get(OFF, "").lower() in ("off", "0", "no")
    if chosen or "jax" in sys.modules:
        return None
    place = _place(None)
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    if not os.access(place, os.W_OK):
        return None
    for name, value in _settings(place).items():
        os.environ.setdefault(name, str(value))
    return place


def _settings(place: Path) -> dict[str, str | int | float]:
    return {
        DIRECTORY: str(place),
        "JAX_COMPILATION_CACHE_MAX_SIZE": LARGEST,
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": WORTH_KEEPING,
    }


def _place(folder: str | os.PathLike[str] | None) -> Path:
    # Late, for a command that only prints its help.
    from importlib.metadata import version

    import platformdirs

    within = (
        Path(platformdirs.user_cache_dir("singlearn")) / "compiled"
        if folder is None
        else Path(folder)
    )
    return within / f"jaxlib-{version('jaxlib')}-{_processor()}"


def _processor() -> str:
    """A name for the instructions of this processor: programs of one that has more of them stop
    with an illegal instruction here, and JAX's key does not tell them apart. Homes of a cluster
    are shared.

    Returns:
        Twelve hexadecimal digits.
    """
    seen = [platform.machine(), platform.processor()]
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
        named = ("model name", "flags", "Features")
        seen += sorted({line for line in lines if line.startswith(named)})
    return hashlib.sha256("\n".join(seen).encode()).hexdigest()[:12]

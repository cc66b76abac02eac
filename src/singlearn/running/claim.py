"""Exclusive use of a folder, or of one point in it, by one thread of one process."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from singlearn.running.whole_files import create_whole, partial_name

BEAT = 20.0
"""Seconds after which the file of a claim is touched again, as long as its owner lives."""
SILENCE = 300.0
"""Seconds without a touch after which a claim of another machine is taken for abandoned."""
ENDING = ".in-use"

_living: dict[str, tuple[int, Path]] = {}
_lock = threading.Lock()
_beating: list[int] = []


class FolderInUseError(OSError):
    """Another process or thread is at work where one alone may be."""


@dataclass(frozen=True)
class Claim:
    """A file that says who is at work; it is there as long as they are.

    Attributes:
        path: the file.
        token: tells this claim from every other.
    """

    path: Path
    token: str

    @classmethod
    def take(cls, path: Path) -> Claim | None:
        """The claim, or ``None`` if somebody else who is alive holds it. That of a dead process of
        this machine is taken over.

        Returns:
            The claim, which is to be released, or ``None``.

        Raises:
            OSError: the folder cannot be written to.
        """
        token = uuid.uuid4().hex
        who = {
            **_here(),
            "process": os.getpid(),
            "began": _began(os.getpid()),
            "token": token,
            "since": time.strftime("%Y-%m-%d %H:%M:%S"),
        }
        # Known before it is there: another thread that meets the file has to find its owner alive.
        with _lock:
            _living[token] = (os.getpid(), path)
        if create_whole(path, json.dumps(who).encode()) or _take_over(
            path, json.dumps(who).encode()
        ):
            _beat()
            return cls(path, token)
        with _lock:
            _living.pop(token, None)
        return None

    def release(self) -> None:
        """Give it up; in a fork of its owner nothing happens."""
        with _lock:
            owner, _ = _living.get(self.token, (None, None))
            if owner != os.getpid():
                return
            del _living[self.token]
        with suppress(OSError, ValueError):
            if _read(self.path).get("token") == self.token:
                self.path.unlink()


def holder(path: Path) -> str | None:
    """Which process has a claim, in words; ``None`` if none has."""
    try:
        who = _read(path)
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        return "somebody whose file is damaged"
    return f"process {who.get('process')} on {who.get('host')} since {who.get('since')}"


def is_silent(path: Path) -> bool:
    """Whether a claim that cannot be checked, being another machine's, has not been touched for
    minutes.

    Returns:
        Whether its holder seems to be gone.
    """
    try:
        who, touched = _read(path), path.stat().st_mtime
        if all(who.get(key) == value for key, value in _here().items()):
            return False
        # Two times of the same file system: clocks of machines differ.
        probe = partial_name(path)
        probe.touch()
        now = probe.stat().st_mtime
        probe.unlink()
    except (OSError, ValueError):
        return False
    return now - touched > SILENCE


def _take_over(path: Path, content: bytes) -> bool:
    """Whether the claim was a dead process's and is ours now."""
    with _one_at_a_time(path.parent):
        try:
            if _is_alive(_read(path)):
                return False
        except FileNotFoundError:
            return create_whole(path, content)
        except (OSError, ValueError):
            return False
        with suppress(FileNotFoundError):
            path.unlink()
        return create_whole(path, content)


def _is_alive(who: dict[str, Any]) -> bool:
    """Whether the owner may be at work; of another machine's nothing is known."""
    if any(who.get(key) != value for key, value in _here().items()):
        return True
    process = who.get("process")
    if not isinstance(process, int):
        return True
    if process == os.getpid():
        with _lock:
            return _living.get(str(who.get("token")), (None, None))[0] == process
    if os.name == "nt":  # where signal 0 ends the process
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return bool(who.get("began") == _began(process))


def _read(path: Path) -> dict[str, Any]:
    found = json.loads(path.read_text())
    if not isinstance(found, dict):
        raise ValueError(f"{path}: no claim")
    return found


def _here() -> dict[str, str]:
    """This machine since it was started; and where process numbers mean what they mean here, for
    containers have their own.

    Returns:
        What has to be equal for a number of a process to mean the same process.
    """
    found = {"host": socket.gethostname()}
    with suppress(OSError):
        found["boot"] = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    with suppress(OSError):
        found["processes of"] = os.readlink("/proc/self/ns/pid")
    return found


def _began(process: int) -> str:
    """When a process was started, in ticks, for numbers of processes are used again; empty where
    the system does not say.

    Returns:
        Ticks since the machine was started, as text, or nothing.
    """
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[19]
    except (OSError, IndexError):
        return ""


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Among processes of this machine, where the system can: of two who find a dead claim, one
    takes it over.
    """
    try:
        import fcntl

        handle = os.open(folder, os.O_RDONLY)
    except (ImportError, OSError):
        yield
        return
    try:
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _beat() -> None:
    """Touch the files of all claims of this process from time to time."""
    with _lock:
        if os.getpid() in _beating:
            return
        _beating.append(os.getpid())
    threading.Thread(target=_touch, name="claims", daemon=True).start()


def _touch() -> None:
    while True:
        time.sleep(BEAT)
        with _lock:
            own = [path for owner, path in _living.values() if owner == os.getpid()]
        for path in own:
            with suppress(OSError):
                os.utime(path)

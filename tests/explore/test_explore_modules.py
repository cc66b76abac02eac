"""The explorer's JavaScript modules meet the golden numbers that the library wrote (``golden_*.py``
beside this file).
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(
    NODE is None, reason="node is not installed: the modules of the explorer are not tested"
)


@pytest.mark.parametrize("path", sorted(HERE.glob("*.test.mjs")), ids=lambda path: path.name)
def test_modules_meet_their_golden_numbers(path):
    done = subprocess.run(
        [NODE, "--no-warnings", "--test", path], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert (
        "# fail 0" in done.stdout and "# pass 0" not in done.stdout and "# skipped 0" in done.stdout
    )

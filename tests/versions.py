"""One scenario, one seed, one digest: on every Python and NumPy that can be had, 1 or 2 workers.

``python -m tests.versions PYTHON…`` makes a virtual environment for each interpreter and each
major NumPy below ``out/versions``, runs some scenarios in each, and compares. With no names, as in
``make digests``, it takes all that are in the PATH, or that pyenv or uv keep. What cannot be
installed is told, and is no success.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
PLACE: Final = ROOT / "out" / "versions"
MINORS: Final = (11, 12, 13, 14)
NUMPY: Final = ("~=1.26", ">=2,<3")
# Lags, duplicates; a store of partial quorums, whose laws are inverted; errors; a log.
CASES: Final[tuple[tuple[str, ...], ...]] = (
    ("scenarios/thanos/f-d1-stale-self-view.toml",),
    ("scenarios/half-uploaded-delay-on.toml", "--set", 'store={profile="wars"}'),
    ("tests/golden/requests-fail.toml",),
    ("tests/golden/replicas-in-log-order.toml",),
)
WORKERS: Final = (1, 2)
VERSION: Final = "import platform; print(platform.python_version())"


def interpreters(homes: Sequence[Path]) -> list[str]:
    """One interpreter for each version that the PATH or these folders have, and that starts."""
    found: dict[str, str] = {}
    for minor in MINORS:
        name = f"python3.{minor}"
        kept = [str(path) for home in homes for path in sorted(home.glob(f"*/bin/{name}"))]
        for python in (shutil.which(name), *kept):
            # In the PATH may be a stand-in of pyenv for a version that is not the chosen one.
            version = python and _said(python, VERSION, check=False)
            if python and version:
                found.setdefault(version, python)
    return list(found.values())


def homes() -> list[Path]:
    """Where pyenv and uv keep interpreters."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    return [pyenv / "versions", Path.home() / ".local" / "share" / "uv" / "python"]


def dependencies(numpy: str) -> list[str]:
    """What the program needs, with a NumPy of this version."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    others = [one for one in project["dependencies"] if not one.startswith("numpy")]
    return [f"numpy{numpy}", *others]


def made(python: str, numpy: str) -> tuple[str, Path | None]:
    """Name an interpreter with a NumPy, and say where it is; None if NumPy cannot be had."""
    version = _said(python, VERSION)
    place = PLACE / f"{version}-numpy-{numpy.strip('~=><,')[0]}"
    inside = place / "bin" / "python"
    if not inside.exists():
        subprocess.run([python, "-m", "venv", str(place)], check=True)
    pip = [str(inside), "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
    install = [*pip, "--no-compile", "--only-binary", "numpy,scipy", *dependencies(numpy)]
    if subprocess.run(install, check=False, stderr=subprocess.PIPE).returncode:
        return f"Python {version}, NumPy {numpy}", None
    found = _said(str(inside), "import numpy; print(numpy.__version__)")
    return f"Python {version}, NumPy {found}", inside


def _said(python: str, code: str, *, check: bool = True) -> str:
    done = subprocess.run([python, "-c", code], check=check, capture_output=True, text=True)
    return done.stdout.strip()


def digests(python: Path) -> Iterator[tuple[str, int, str]]:
    """Give the digest of every case with each number of workers: (case, workers, digest)."""
    for case in CASES:
        for workers in WORKERS:
            command = ["-m", "sim.cli", "run", *case, "--trials", "2", "--workers", str(workers)]
            done = subprocess.run(
                [str(python), *command, "--json", "-"],
                cwd=ROOT,
                check=False,
                capture_output=True,
                text=True,
            )
            # Two trials may be too few to be sure of an expectation; the digest is all the same.
            if done.returncode not in {0, 1, 3} or not done.stdout:
                raise RuntimeError(f"{' '.join(command)}\n{done.stderr}")
            yield " ".join(case), workers, json.loads(done.stdout)["digest"]


def main(pythons: Sequence[str]) -> int:
    """Compare; 1 if two digests of one case differ, or nothing could be compared."""
    seen: dict[str, set[str]] = {}
    environments = 0
    for python in pythons:
        for numpy in NUMPY:
            name, inside = made(python, numpy)
            if inside is None:
                sys.stdout.write(f"{name}: cannot be installed\n")
                continue
            environments += 1
            for case, workers, digest in digests(inside):
                seen.setdefault(case, set()).add(digest)
                sys.stdout.write(f"{name}, {workers} workers: {digest[:16]} {case}\n")
                sys.stdout.flush()
    different = [case for case, found in seen.items() if len(found) > 1]
    for case in different:
        sys.stdout.write(f"different: {case}\n")
    alike = f"{len(seen) - len(different)} of {len(seen)} cases alike"
    sys.stdout.write(f"{environments} environments, {alike}\n")
    return 1 if different or environments < 2 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or interpreters(homes())))

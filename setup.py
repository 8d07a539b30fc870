"""Puts the scenarios into the package when it is built; in the repository they stand beside it."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithScenarios(build_py):
    """Copies the scenarios, with their folders, to ``sim/scenarios``."""

    def run(self) -> None:
        """Build the package; a checkout that is installed for development has them already."""
        super().run()
        if not self.editable_mode:
            for path in sorted(Path("scenarios").rglob("*.toml")):
                target = Path(self.build_lib, "sim", path)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, target)


setup(cmdclass={"build_py": BuildWithScenarios})

"""What every test of the project shares: the tools to import, the order, the reader's record."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings

# What an example takes hangs on what else the machine does, and says nothing of what is tested.
settings.register_profile("no clock", deadline=None)
settings.load_profile("no clock")

if "PYTEST_XDIST_WORKER" in os.environ:  # else two workers wait for each other's threads
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

ROOT = Path(__file__).parent
sys.path.insert(0, str(ROOT / "tools"))

# Cheap tests first, so that a slip shows within seconds; notebooks keep the order of their cells.
ORDER = (
    "tests/unit",
    "tests/pages",
    "tests/statistical",
    "tests/coursework",
    "tests/site/test_build",
    "tests/site",
    "book",
    "tests/colab",
    "tests/minutes",
)

HOMES = pytest.StashKey[TemporaryDirectory]()
SECONDS: dict[Path, float] = {}
"""What the cells of each notebook took in this session."""


def rank(path: Path) -> int:
    """Return the place of a test file in `ORDER`; a file in none of them comes first."""
    place = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else ""
    return next((i for i, start in enumerate(ORDER, start=1) if place.startswith(start)), 0)


def pytest_configure(config: pytest.Config) -> None:
    """Keep the forecasts that tests make away from the reader's own record."""
    homes = TemporaryDirectory(prefix="scalinglaws-tests-")
    config.stash[HOMES] = homes
    os.environ["SCALINGLAWS_HOME"] = homes.name


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the records that the tests made."""
    config.stash[HOMES].cleanup()


SITE = "tests/site/"
LONG = (SITE, "tests/coursework/", "tests/statistical/", "tests/unit/test_sweep.py")
"""What takes longest in one piece. On several cores it begins first, so that none ends alone."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put cheap tests first.

    On several cores what takes long in one piece comes first, the site before all.
    """
    items.sort(key=lambda item: rank(item.path))
    if hasattr(config, "workerinput"):
        items.sort(
            key=lambda item: next(
                (place for place, start in enumerate(LONG) if item.nodeid.startswith(start)),
                len(LONG),
            )
        )


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Let one core build and visit the site; the others take the rest, file by file or class."""
    from xdist.scheduler import LoadScopeScheduling

    class OneSite(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return SITE if nodeid.startswith(SITE) else super()._split_scope(nodeid)

    return OneSite(config, log)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Add up the seconds of each notebook, the start of its kernel included."""
    path = ROOT / report.location[0]
    if path.suffix == ".ipynb":
        SECONDS[path] = SECONDS.get(path, 0.0) + report.duration


@pytest.fixture
def seconds_of_notebooks() -> dict[Path, float]:
    """Return the seconds that each notebook took, as far as it ran in this session."""
    return SECONDS


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Give each chapter an empty record of forecasts before its kernel starts."""
    if item.path.suffix == ".ipynb":
        home = Path(item.config.stash[HOMES].name) / item.path.stem
        home.mkdir(exist_ok=True)
        os.environ["SCALINGLAWS_HOME"] = str(home)

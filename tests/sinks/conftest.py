"""An environment of its own for the catalogs' packages, whose requirements are not ours."""

import os
import subprocess
import venv
from pathlib import Path

import pytest

PACKAGES = ("acryl-datahub>=1.7", "openlineage-python>=1.40", "pyatlan>=11")


@pytest.fixture(scope="session")
def validators(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of an environment with them."""
    folder = tmp_path_factory.mktemp("validators")
    venv.create(folder, with_pip=True)
    command = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", *PACKAGES]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode and not os.environ.get("REQUIRE_VALIDATORS"):
        pytest.skip("the catalogs' packages cannot be installed here")
    assert done.returncode == 0, done.stderr
    return folder / "bin"

"""The names that ``incremental_assets`` hands out, to those who build on it."""

import ast
import subprocess
import sys

import pytest

import incremental_assets
from tests.documents import Block, blocks


@pytest.mark.parametrize("name", incremental_assets.PUBLIC)
def test_a_public_name_is_what_its_module_calls_so(name: str) -> None:
    found = getattr(incremental_assets, name)

    assert found.__name__ == name
    assert name in dir(incremental_assets)


def test_all_is_the_public_names() -> None:
    assert incremental_assets.__all__ == sorted(incremental_assets.PUBLIC)


def test_any_other_name_is_refused() -> None:
    with pytest.raises(AttributeError, match="'incremental_assets' has no attribute 'Connexion'"):
        _ = incremental_assets.Connexion


def test_importing_the_package_imports_nothing_heavy() -> None:
    heavy = {"dagster", "polars", "pydantic", "sqlalchemy", "incremental_resources"}
    code = f"import sys, incremental_assets; sys.exit(str({heavy} & set(sys.modules) or ''))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert done.stderr.strip() == ""


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_the_docs_use_public_names_only(block: Block) -> None:
    imports = [node for node in ast.walk(ast.parse(block.text)) if isinstance(node, ast.ImportFrom)]
    ours = [node for node in imports if (node.module or "").startswith("incremental_")]

    assert {node.module for node in ours} <= {"incremental_assets"}
    assert {name.name for node in ours for name in node.names} <= set(incremental_assets.PUBLIC)
    assert "import incremental_" not in block.text

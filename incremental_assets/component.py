"""The Dagster component ``incremental_assets.SqlCatalog``: connections in a ``defs.yaml``.

Its attributes are the keys of ``connections.yaml`` and mean the same; what is peculiar to a
``defs.yaml`` (templates, where secrets are looked up, what ``dg scaffold`` writes) belongs here.
"""

import json
import os
import re
from pathlib import Path
from typing import Any, Self

import dagster as dg
from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, field_validator
from pydantic_core import CoreSchema

from incremental_assets.build import build_definitions
from incremental_assets.config.dialect import is_folder, named
from incremental_assets.config.loading import config_of
from incremental_assets.config.model import Config
from incremental_assets.config.schema import json_schema
from incremental_assets.config.state import S3
from incremental_assets.config.url import TextSecret
from incremental_assets.config.yaml import VARIABLE, Substitution
from incremental_assets.lineage.translating import TableTranslator

ENVIRONMENT = re.compile(r"""\{\{\s*env(?:\.(\w+)|\(\s*['"](\w+)['"]\s*\))\s*\}\}""")

EXAMPLE = {
    "state": "/var/lib/catalog",
    "connections": [
        {
            "name": "shop",
            "dialect": "postgresql",
            "url": "{{ env.SHOP_URL }}",
            "include": {"shop": ["public", "sales_.*"]},
            "lineage": {"group_by": "schema"},
            "owners": ["team:data"],
        }
    ],
}
YAML = """\
type: {type}

requirements:
  env:
    - {variable}

attributes:
  # Where versions are kept: nothing for version control.
  state: {state}
  connections:
    - name: {name}
      dialect: {dialect}
      # Looked up when a run needs it.
      url: "{{{{ env.{variable} }}}}"
      # Every table as an asset, grouped by schema.
      lineage: {{group_by: schema}}
"""
PYTHON = """\
from pathlib import Path

import dagster as dg
from incremental_assets import Config, Connection, Lineage
from {module} import {of_class}

HERE = Path(__file__).parent


@dg.component_instance
def load(context: dg.ComponentLoadContext) -> {of_class}:
    connection = Connection(
        name="{name}",
        dialect="{dialect}",
        # Looked up when a run needs it.
        url=dg.EnvVar("{variable}"),
        # Every table as an asset, grouped by schema.
        lineage=Lineage(group_by="schema"),
    )
    state = {state}
    return {of_class}(Config(state=state, connections=(connection,), base=HERE))
"""


class SqlCatalogModel(BaseModel):
    """The keys of a ``connections.yaml``.

    Anything is taken here, because templates are filled in later; the configuration itself refuses
    what is wrong. The schema is that of the configuration.
    """

    model_config = ConfigDict(extra="allow")

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        schema = json_schema()
        del schema["$schema"]
        # The page of components in Dagster's UI would make up an example that cannot be used.
        return _inlined(schema, schema.pop("$defs")) | {"examples": [EXAMPLE]}


class SqlCatalogParams(BaseModel):
    """What ``dg scaffold defs incremental_assets.SqlCatalog NAME`` may be told."""

    url_env: str | None = Field(
        default=None,
        pattern=r"^\w+$",
        description="The environment variable with the database's URL; without it NAME_URL.",
    )
    dialect: str = Field(default="postgresql", description="The database product.")
    connection: str | None = Field(
        default=None,
        pattern=r"^[a-z][a-z0-9_]{0,59}$",
        description="The connection's name in asset keys and jobs; without it the folder's.",
    )
    state: str | None = Field(
        default=None,
        description="Where the state is: a directory, or s3://bucket/prefix; without it the "
        "folder catalog of the project.",
    )

    @field_validator("dialect")
    @classmethod
    def _known(cls, name: str) -> str:
        # A folder is looked for from where the file will be.
        return name if is_folder(name) else named(name).name


class SqlCatalogScaffolder(dg.Scaffolder[SqlCatalogParams]):
    """Writes a component with one connection, which loads before its database can be reached."""

    @classmethod
    def get_scaffold_params(cls) -> type[SqlCatalogParams]:
        """The options of the command."""
        return SqlCatalogParams

    def scaffold(self, request: dg.ScaffoldRequest[SqlCatalogParams]) -> None:
        """Write ``defs.yaml``, or ``component.py`` where that is asked for."""
        folder = request.target_path.parent if request.append else request.target_path
        in_yaml = request.scaffold_format == "yaml"
        name = request.params.connection or _name_from(folder.name)
        state = request.params.state or _beside(folder, request.project_root)
        quoted = json.dumps(state)
        module, _, of_class = request.type_name.rpartition(".")
        text = (YAML if in_yaml else PYTHON).format(
            type=request.type_name,
            module=module,
            of_class=of_class,
            name=name,
            dialect=request.params.dialect,
            variable=request.params.url_env or f"{name.upper()}_URL",
            state=quoted if in_yaml or state.startswith(S3) else f"str(HERE / {quoted})",
        )
        file = folder / ("defs.yaml" if in_yaml else "component.py")
        if request.append:
            file, text = request.target_path, f"---\n{text}"
        with file.open("a" if request.append else "w", encoding="utf-8") as written:
            written.write(text)


@dg.scaffold_with(SqlCatalogScaffolder)
class SqlCatalog(dg.Component, TableTranslator):
    """Keeps an exact, versioned picture of SQL databases: one group of assets per connection.

    Attributes are the keys of a connections.yaml; relative paths start at the folder of the
    defs.yaml. `${NAME}` and `{{ env.NAME }}` in a url are looked up when a run needs them.

    With `lineage` every table is an asset too. A subclass decides on its key, group, tags and so on
    where it overrides `get_asset_spec(table)`.
    """

    def __init__(self, config: Config) -> None:
        self.config = config

    @classmethod
    def get_spec(cls) -> dg.ComponentTypeSpec:
        """What ``dg`` shows of the type."""
        return dg.ComponentTypeSpec(tags=["sql", "catalog", "metadata", "lineage"])

    @classmethod
    def get_model_cls(cls) -> type[BaseModel]:
        """The schema of the attributes."""
        return SqlCatalogModel

    @classmethod
    def load(cls, attributes: BaseModel | None, context: dg.ComponentLoadContext) -> Self:
        """The component of a ``defs.yaml``.

        Raises:
            ConfigError: the attributes have mistakes; the message has all of them.
        """
        path = context.path
        folder = path if path.is_dir() else path.parent
        written = attributes.model_dump() if attributes else {}
        secrets = _take_out_urls(written, folder)
        document = context.resolution_context.at_path("attributes").resolve_value(written)
        substitution = Substitution(os.environ)
        document = substitution.fill(document)
        for index, secret in secrets.items():
            document["connections"][index]["url"] = secret
        return cls(config_of(document, substitution, folder, str(folder / "defs.yaml")))

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """The definitions of all connections."""
        return build_definitions(self.config, translator=self)


def _take_out_urls(document: dict[str, Any], base: Path) -> dict[int, TextSecret]:
    """Remove the urls that hold variables, so that nothing fills them in before a run does."""
    secrets = {}
    listed = document.get("connections")
    for index, connection in enumerate(listed if isinstance(listed, list) else []):
        url = connection.get("url") if isinstance(connection, dict) else None
        if not isinstance(url, str):
            continue
        text = ENVIRONMENT.sub(lambda found: f"${{{found[1] or found[2]}}}", url)
        if VARIABLE.search(text):
            secrets[index] = TextSecret(text, base)
            del connection["url"]
    return secrets


def _inlined(schema: Any, definitions: dict[str, Any]) -> Any:
    """A JSON schema without references; none of ours refers to itself."""
    if isinstance(schema, list):
        return [_inlined(one, definitions) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        rest = {key: value for key, value in schema.items() if key != "$ref"}
        return _inlined(definitions[schema["$ref"].rpartition("/")[2]], definitions) | rest
    return {key: _inlined(value, definitions) for key, value in schema.items()}


def _name_from(folder: str) -> str:
    """A connection's name made of a folder's."""
    plain = re.sub(r"[^a-z0-9]+", "_", folder.lower()).lstrip("_0123456789").rstrip("_")
    return plain[:60] or "catalog"


def _beside(folder: Path, project: Path | None) -> str:
    """The folder of states of a project, from the folder of a component."""
    root = project.resolve() if project else folder.resolve()
    return Path(os.path.relpath(root / "catalog", folder.resolve())).as_posix()

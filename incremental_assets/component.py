"""The Dagster component ``incremental_assets.SqlCatalog``: connections in a ``defs.yaml``.

Its attributes are the keys of ``connections.yaml`` and mean the same; what is peculiar to a
``defs.yaml`` (templates, where secrets are looked up) belongs here.
"""

import os
import re
from pathlib import Path
from typing import Any, Self

import dagster as dg
from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler
from pydantic_core import CoreSchema

from incremental_assets.build import build_definitions
from incremental_assets.config.loading import config_of
from incremental_assets.config.model import Config
from incremental_assets.config.schema import json_schema
from incremental_assets.config.url import TextSecret
from incremental_assets.config.yaml import VARIABLE, Substitution
from incremental_assets.lineage.translating import TableTranslator

ENVIRONMENT = re.compile(r"""\{\{\s*env(?:\.(\w+)|\(\s*['"](\w+)['"]\s*\))\s*\}\}""")


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
        return _inlined(schema, schema.pop("$defs"))


class SqlCatalog(dg.Component, TableTranslator):
    """Keeps an exact, versioned picture of SQL databases: one group of assets per connection.

    Attributes are the keys of a connections.yaml; relative paths start at the folder of the
    defs.yaml. ``${NAME}`` and ``{{ env.NAME }}`` in a url are looked up when a run needs them.
    """

    def __init__(self, config: Config) -> None:
        self.config = config

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

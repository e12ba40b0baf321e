"""Every line of every file given, by the models of the catalogs' own packages.

``validating.py openlineage FILE...`` builds the client's classes of each event; ``atlan`` builds
pyatlan's models and holds each entity against what those do not check. Ends with 1 and the reasons.
"""

import json
import sys
from importlib import import_module
from pathlib import Path

FACETS = {
    "schema": "schema_dataset.SchemaDatasetFacet",
    "lifecycleStateChange": "lifecycle_state_change_dataset.LifecycleStateChangeDatasetFacet",
    "datasetType": "dataset_type_dataset.DatasetTypeDatasetFacet",
    "documentation": "documentation_dataset.DocumentationDatasetFacet",
    "ownership": "ownership_dataset.OwnershipDatasetFacet",
    "columnLineage": "column_lineage_dataset.ColumnLineageDatasetFacet",
}
INNER = {
    "schema": ("fields", "schema_dataset.SchemaDatasetFacetFields"),
    "ownership": ("owners", "ownership_dataset.Owner"),
}
PARENTS = ("table", "view", "materialisedView", "tablePartition")


def generated(name):
    module, _, of_class = name.partition(".")
    return getattr(import_module(f"openlineage.client.generated.{module}"), of_class)


def openlineage(line, problems):
    from openlineage.client.event_v2 import DatasetEvent, StaticDataset

    event = json.loads(line)
    assert set(event) == {"eventTime", "producer", "schemaURL", "dataset"}, event
    facets = {}
    for name, content in event["dataset"]["facets"].items():
        of_class = generated(FACETS[name])
        given = {key: value for key, value in content.items() if not key.startswith("_")}
        if name in INNER:
            key, inner = INNER[name]
            given[key] = [generated(inner)(**one) for one in given[key]]
        if name == "columnLineage":
            given["fields"] = {
                column: generated("column_lineage_dataset.Fields")(
                    [
                        generated("column_lineage_dataset.InputField")(**source)
                        for source in told.pop("inputFields")
                    ],
                    **told,
                )
                for column, told in given["fields"].items()
            }
        if "previousIdentifier" in given:
            inner = generated("lifecycle_state_change_dataset.PreviousIdentifier")
            given["previousIdentifier"] = inner(**given["previousIdentifier"])
        if name == "lifecycleStateChange":
            allowed = generated("lifecycle_state_change_dataset.LifecycleStateChange")
            given[name] = allowed(given[name])
        facets[name] = of_class(producer=content["_producer"], **given)
        if content["_schemaURL"] != of_class._get_schema():
            problems.append(f"{content['_schemaURL']} is not {of_class._get_schema()}")
    dataset = StaticDataset(event["dataset"]["namespace"], event["dataset"]["name"], facets=facets)
    made = DatasetEvent(eventTime=event["eventTime"], producer=event["producer"], dataset=dataset)
    if made.schemaURL.partition("#")[2] != event["schemaURL"].partition("#")[2]:
        problems.append(f"{event['schemaURL']} is not like {made.schemaURL}")


def atlan(entity, known, problems):
    from pyatlan.model.assets import Asset
    from pyatlan.model.enums import AtlanConnectorType

    attributes = entity["attributes"]
    made = Asset._convert_to_real_type_(entity)
    name = attributes["qualifiedName"]
    if type(made).__name__ != entity["typeName"]:
        problems.append(f"{name} is a {type(made).__name__}, not a {entity['typeName']}")
    fields = getattr(type(made).Attributes, "model_fields", None)
    fields = type(made).Attributes.__fields__ if fields is None else fields
    there = {field.alias or key for key, field in fields.items()} | set(fields)
    problems += [f"{name}: no attribute {key}" for key in attributes if key not in there]
    if not attributes["name"] or not name.startswith(attributes["connectionQualifiedName"] + "/"):
        problems.append(f"{name} has no name, or is not below its connection")
    connectors = [one.value for one in AtlanConnectorType]
    if attributes["connectorName"] not in connectors:
        problems.append(f"{attributes['connectorName']} is no connector")
    related = {key: value for key, value in attributes.items() if isinstance(value, dict) and value}
    if entity["typeName"] == "Column" and len(set(related) & set(PARENTS)) != 1:
        problems.append(f"{name} has {len(related)} parents")
    for key, value in related.items():
        target = value["uniqueAttributes"]["qualifiedName"]
        if known.get(target) != value["typeName"]:
            problems.append(f"{name}: {key} {target} is {known.get(target)}")
        parent = target if key != "parentTable" else None
        if parent and not name.startswith(f"{parent}/"):
            problems.append(f"{name} is not below {parent}")
    for value in entity["customAttributes"].values():
        if not isinstance(value, str | int | float | None):
            problems.append(f"{name}: {value!r} is no text and no number")


def main(kind, files):
    problems = []
    lines = [line for file in files for line in Path(file).read_bytes().splitlines()]
    if kind == "openlineage":
        for line in lines:
            openlineage(line, problems)
    else:
        entities = [json.loads(line) for line in lines]
        known = {one["attributes"]["qualifiedName"]: one["typeName"] for one in entities}
        if len(known) < len(entities):
            problems.append("two entities have one qualified name")
        for entity in entities:
            atlan(entity, known, problems)
    told = [f"{len(lines)} lines, {len(problems)} problems", *problems[:20]]
    sys.stdout.write("\n".join(told))
    return 1 if problems or not lines else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))

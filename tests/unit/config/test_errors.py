"""connections.yaml with mistakes: each is told with place and remedy, a secret never."""

import re
from pathlib import Path

import pytest

from incremental_assets.config.errors import ConfigError
from incremental_assets.config.loading import load_config
from incremental_assets.config.model import Config

PASSWORD = "hunter2"
URL = f"postgresql://reader:{PASSWORD}@db.example:5432/shop"
SHOP = "name: shop, url: 'postgresql://db.example/shop'"

# One connection, the rest of whose keys are the left column: what the message must say.
BAD_CONNECTION = [
    ("name: Shop", "connections[0].name: 'Shop' is not allowed; allowed: up to 60 small letters"),
    ("name: 1shop", "connections[0].name: '1shop'"),
    ('name: "shop\\n"', "connections[0].name: 'shop\\n'"),
    ("name: no", "connections[0].name: false is not allowed"),  # YAML reads no as a boolean
    ("name:", "connections[0].name: is required"),
    ("url:", "connections[0].url: is required; allowed: dialect://user:password@host"),
    ("url: ''", "connections[0].url: connection shop: The connection's url is not a database URL"),
    ("url: oracle://h/x", "No dialect reads oracle:// URLs. Known are "),
    ("url: 'sqlite://'", "connections[0].url: names no database file"),
    ("url: 'sqlite:///:memory:'", "connections[0].url: names no database file"),
    ("embedded: true", "connections[0].embedded: unknown key; allowed: name, dialect, url, url_f"),
    (
        "url_file: secret.txt",
        "connections[0]: url and url_file are both given; keep one of them",
    ),
    ("url_file: 5", "connections[0].url_file: 5 is not allowed; allowed: the path of a file"),
    ("url_file: ~nobody_here/x", "connections[0]: url_file: nobody has this home directory"),
    ("dialect: oracle", "connections[0].dialect: 'oracle' is not a dialect; allowed: "),
    ("dialect: sqlite", "connections[0].url: is not one of the dialect sqlite; leave dialect out"),
    ("dialect: 5", "connections[0].dialect: 5 is not allowed; allowed: the name of a dialect"),
    (
        "url: 'postgresql://reader:p@ss/word@db.example/shop'",
        "connections[0].url: connection shop: The connection's url has more than one @",
    ),
    ("inclde: {}", "connections[0].inclde: unknown key; did you mean include?"),
    (
        "temp-table-regex: x",
        "connections[0]['temp-table-regex']: unknown key; did you mean exclude_t",
    ),
    (
        "sinks: 5",
        "connections[0].sinks: 5 is not allowed; allowed: a list of sinks, each with kind",
    ),
    ("sinks: [{}]", "connections[0].sinks[0].kind: is required; allowed: atlan, datahub"),
    (
        "sinks: [{kind: parket}]",
        "connections[0].sinks[0]: 'parket' is no kind of sink; did you mean parquet?",
    ),
    (
        "sinks: [{kind: parquet}]",
        "connections[0].sinks[0].path: is required; allowed: a directory, or s3://bucket/prefix",
    ),
    (
        "sinks: [{kind: parquet, path: x, pth: x}]",
        "connections[0].sinks[0].pth: unknown key; did you mean path?",
    ),
    (
        "sinks: [{kind: parquet, path: 'ftp://x'}]",
        "connections[0].sinks[0]: path is not a directory; allowed: a directory",
    ),
    (
        "sinks: [{kind: parquet, path: a, name: Big}]",
        "connections[0].sinks[0].name: 'Big' is not allowed; allowed: up to 60 small letters",
    ),
    (
        "sinks: [{kind: parquet, path: a}, {kind: parquet, path: b}]",
        "connections[0].sinks: two sinks are called parquet; give each a name of its own",
    ),
    (
        "sinks: [{kind: webhook, url: 'https://h/x', page_rows: s3cret}]",
        "connections[0].sinks[0].page_rows: (a text that is not shown) is not allowed; allowed: a",
    ),
    ("sinks: [{kind: webhook, url: 's3cret'}]", "connections[0].sinks[0].url: is no address; all"),
    (
        "lineage: 5",
        "connections[0].lineage: 5 is not allowed; allowed: a mapping with the keys inc",
    ),
    ("lineage: {includ: {}}", "connections[0].lineage.includ: unknown key; did you mean include?"),
    ("lineage: {include: {a: ['[']}}", "connections[0].lineage.include.a[0]: '[' is not a regular"),
    (
        "lineage: {key_parts: [schema]}",
        "connections[0].lineage.key_parts: has no table, or a name twice; allowed: a list of data",
    ),
    ("lineage: {key_parts: [table, table]}", "lineage.key_parts: has no table, or a name twice"),
    ("lineage: {key_parts: [tabel]}", "lineage.key_parts[0]: 'tabel' is not allowed; allowed: a"),
    ("lineage: {key_prefix: shop}", "key_prefix: 'shop' is not allowed; allowed: a list of texts"),
    ("lineage: {key_prefix: [a/b]}", "lineage.key_prefix[0]: 'a/b' is empty, or has a character"),
    ("lineage: {key_prefix: ['']}", "lineage.key_prefix[0]: '' is empty, or has a character"),
    (
        "lineage: {group_by: table}",
        "lineage.group_by: 'table' is not allowed; allowed: connection or database or schema",
    ),
    ("lineage: {limit: 0}", "connections[0].lineage.limit: 0 is not allowed; allowed: a whole num"),
    (
        "include: [shop]",
        "connections[0].include: a list is not allowed; allowed: a mapping of data",
    ),
    (
        "include: {'(': []}",
        "connections[0].include['(']: '(' is not a regular expression: missing )",
    ),
    (
        "watch: [{tables: x, on: [column_deletd]}]",
        "'column_deletd' is no kind of break; did you mean column_deleted?",
    ),
    ("include: 'shop'", "connections[0].include: is a text but no JSON (Expecting value"),
    ("include: '[1]'", "connections[0].include: a list is not allowed; allowed: a mapping of data"),
    ("include: {a: ['x', '[']}", "connections[0].include.a[1]: '[' is not a regular expression"),
    ("exclude: {a: public}", "connections[0].exclude.a: 'public' is not allowed"),
    ("exclude: {a: [5]}", "connections[0].exclude.a[0]: 5 is not allowed"),
    ("exclude_tables: '*'", "connections[0].exclude_tables: '*' is not a regular expression: noth"),
    (
        "entities: [databases, schemas, tables, tags]",
        "'tags' is not an entity; allowed: databases, schemas, tables, col",
    ),
    ("entities: [tables, tables]", "connections[0].entities: 'tables' is there twice"),
    (
        "entities: [columns]",
        "connections[0].entities: databases, schemas, tables cannot be left out",
    ),
    ("entities: []", "connections[0].entities: databases, schemas, tables cannot be left out"),
    ("entities: tables", "connections[0].entities: 'tables' is not allowed; allowed: a list of"),
    (
        "schedule: 61 * * * *",
        "connections[0].schedule: '61 * * * *' is not allowed; allowed: a cron",
    ),
    (
        "owners: [somebody]",
        "connections[0].owners[0]: 'somebody' is not allowed; allowed: a list of",
    ),
    (
        "options: 5",
        "connections[0].options: 5 is not allowed; allowed: a mapping with the keys bat",
    ),
]
BAD_OPTION = [
    ("batch_columns: 0", "0 is not allowed; allowed: a whole number from 1 to 10000000 (default 1"),
    ("batch_columns: true", "true is not allowed; allowed: a whole number"),
    ("batch_tables: many", "'many' is not allowed"),
    ("max_sessions: 0", "0 is not allowed; allowed: a whole number from 1 to 65 (default none)"),
    ("max_sessions: few", "'few' is not allowed; allowed: a whole number"),
    ("batch_tables: 1.5", "1.5 is not allowed"),
    (
        "marker_overlap_hours: .nan",
        "nan is not allowed; allowed: a number from 0 to 8760 (default 3",
    ),
    ("reconcile_every_days: 0", "0 is not allowed; allowed: a number above 0 to 3650"),
    ("freshness_hours: 2026-13-45", "'2026-13-45' is not allowed"),
    ("partitions: merge", "'merge' is not allowed; allowed: collapse or list"),
    ("fan_out: out", "'out' is not allowed; allowed: in_run or runs"),
    ("exclude_views: maybe", "'maybe' is not allowed; allowed: true or false (default false)"),
    ("batchcolumns: 1", "unknown key; did you mean batch_columns?"),
    ("zzz: 1", "unknown key; allowed: batch_columns, batch_tables"),
]
ON_S3 = f"connections: [{{{SHOP}}}]\nstate: s3://bucket/prefix\n"
BAD_FILE = [
    (f"connections: [{{{SHOP}}}]\nstate: ~nobody_here/x", "state: '~nobody_here/x' is not allowed"),
    ("", "connections: is required; allowed: a list of at least one connection"),
    ("- a", "the file: a list is not allowed; allowed: a mapping with the keys state, s3, conn"),
    ("connections: []", "connections: an empty list is not allowed; allowed: a list of at least"),
    ("connections: {a: 1}", "connections: a mapping is not allowed"),
    ("connections: [shop]", "connections[0]: 'shop' is not allowed; allowed: a mapping with the k"),
    (f"connections: [{{{SHOP}}}, {{{SHOP}}}]", "[1].name: connections[0] has this name already"),
    (f"connections: [{{{SHOP}}}]\nbase: /", "base: unknown key; allowed: state, s3, connections"),
    (f"connections: [{{{SHOP}}}]\nstat: x", "stat: unknown key; did you mean state?"),
    (f"connections: [{{{SHOP}}}]\ns3: {{}}", "s3: is only for a state at s3://; remove it"),
    (f"connections: [{{{SHOP}}}]\nstate: s3://b/p", "state: is no place on S3; allowed: s3://b"),
    (f"connections: [{{{SHOP}}}]\nstate: s3://k:w@h/p", "state: is no place on S3; allowed: s3:/"),
    (f"connections: [{{{SHOP}}}]\nstate: s3://bucket/a b", "state: is no place on S3"),
    (f"connections: [{{{SHOP}}}]\nstate: s3://bucket//a", "state: is no place on S3"),
    (f"connections: [{{{SHOP}}}]\nstate: s3://bucket/../a", "state: is no place on S3"),
    (ON_S3 + "s3: {endpoint: x}", "s3.endpoint: unknown key; did you mean endpoint_url?"),
    (ON_S3 + "s3: {endpoint_url: h}", "s3.endpoint_url: 'h' is not allowed; allowed: https://host"),
    (ON_S3 + "s3: {endpoint_url: 'https://u:p@h'}", "s3.endpoint_url: (a text that is not shown)"),
    (ON_S3 + "s3: {endpoint_url: 'https://h?a=b'}", "s3.endpoint_url: (a text that is not shown)"),
    (ON_S3 + "s3: {region: EU West}", "s3.region: 'EU West' is not allowed; allowed: a region"),
    (ON_S3 + "s3: {access_key_id: a}", "s3: access_key_id and secret_access_key go together"),
    (ON_S3 + "s3: {session_token: [1]}", "s3.session_token: a list is not allowed; allowed: a te"),
    (ON_S3 + "s3: []", "s3: an empty list is not allowed; allowed: a mapping with the keys end"),
    (
        f"connections: [{{{SHOP}}}]\nstate: ''",
        "state: '' is not allowed; allowed: a directory, or s",
    ),
    (
        f"connections: [{{{SHOP}}}]\nstate: a\nstate: b",
        "line 3: the key 'state' is there already, on",
    ),
    (
        "connections: [\nstate: a\nb",
        "line 3, column 2: while parsing a flow sequence; expected ',' or ']'",
    ),
    ("a: 1\n\tb: 2", "line 2, column 1: while scanning for the next token"),
    ("a: 1\nb: \x07", "line 2: a character that YAML does not allow"),
    ("a: &a [*a]", "nested too deeply"),
    ("a: 1\n---\nb: 2", "line 2, column 1: expected a single document"),
]


def load(folder: Path, text: str, **environ: str) -> Config:
    file = folder / "connections.yaml"
    file.write_text(text, "utf-8")
    return load_config(file, environ)


def message(folder: Path, text: str, **environ: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load(folder, text, **environ)
    error = caught.value
    assert (error.__cause__, error.__context__, error.transient) == (None, None, False)
    assert str(error).startswith(str(folder / "connections.yaml"))
    return str(error)


def one(more: str = "") -> str:
    """A file with one connection; ``more`` replaces or adds a key."""
    key = more.partition(":")[0]
    lines = ["name: shop", "url: postgresql://db.example/shop"]
    kept = [line for line in lines if line.partition(":")[0] != key]
    return "connections:\n  - " + "\n    ".join([more, *kept] if more else kept)


@pytest.mark.parametrize(("key", "expected"), BAD_CONNECTION)
def test_a_bad_connection_is_told_with_its_place_and_what_is_allowed(tmp_path, key, expected):
    text = message(tmp_path, one(key))
    assert expected in text
    assert text.count("\n") == 1


@pytest.mark.parametrize(("option", "expected"), BAD_OPTION)
def test_a_bad_option_is_told_with_its_place_and_what_is_allowed(tmp_path, option, expected):
    place = f"connections[0].options.{option.partition(':')[0]}: "
    assert f"\n  {place}{expected}" in message(tmp_path, one(f"options: {{{option}}}"))


@pytest.mark.parametrize(("text", "expected"), BAD_FILE)
def test_a_bad_file_is_told_with_the_reason(tmp_path, text, expected):
    assert expected in message(tmp_path, text)


def test_all_mistakes_are_told_at_once(tmp_path):
    text = message(
        tmp_path,
        "state: s3://b\nstats: x\nconnections:\n"
        "  - {name: A, url: '${NOWHERE}', include: {'(': ['[']}, options: {batch_tables: 0}}\n"
        "  - {name: b, name: b, url: 'oracle://h', entities: [tags]}\n"
        "  - {name: b, url: 'sqlite:///b.db', entities: [procedures], sinks: [{}]}\n",
    )
    places = re.findall(r"^  (line \d+|\S+): ", text, re.MULTILINE)
    assert sorted(places) == [
        "connections[0].include['(']",
        "connections[0].include['('][0]",
        "connections[0].name",
        "connections[0].options.batch_tables",
        "connections[0].url",
        "connections[1].entities",
        "connections[1].url",
        "connections[2].entities",
        "connections[2].name",
        "connections[2].sinks[0].kind",
        "line 5",
        "state",
        "stats",
    ]


def test_a_missing_file_names_the_way_to_one(tmp_path):
    with pytest.raises(ConfigError, match=r"gone\.yaml cannot be read: .*incremental-assets init"):
        load_config(tmp_path / "gone.yaml")


def test_a_file_that_is_there_and_cannot_be_read_needs_no_other_to_start_from(tmp_path):
    with pytest.raises(ConfigError, match=r"cannot be read: Is a directory\.$"):
        load_config(tmp_path)


def test_text_that_is_not_utf8_is_refused(tmp_path):
    file = tmp_path / "connections.yaml"
    file.write_bytes(b"state: \xff")
    with pytest.raises(ConfigError, match="byte 8 is not UTF-8"):
        load_config(file)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${GONE}", "connections[0].url: the environment variable GONE is not set"),
        ("${1}", "connections[0].url: ${ must be followed by the name of an environment variable"),
        ("${", "connections[0].url: ${ must be followed by the name of an environment variable"),
    ],
)
def test_a_variable_that_cannot_be_filled_in_names_its_place(tmp_path, text, expected):
    assert expected in message(tmp_path, one(f"url: '{text}'"))


def test_a_message_repeats_the_variable_and_not_its_value(tmp_path):
    text = message(tmp_path, one("name: ${WORD}") + "\n    options: {'${WORD}': 1}", WORD=PASSWORD)
    assert PASSWORD not in text
    assert "connections[0].name: '${WORD}' is not allowed" in message(
        tmp_path, one("name: ${WORD}"), WORD="Not a name"
    )
    assert "connections[0].options['${WORD}']: unknown key" in text


@pytest.mark.parametrize(
    "text",
    [
        one(f"url: postgresql://reader:{PASSWORD}@h:port/x"),
        one(f"url: reader:{PASSWORD}@h"),
        one(f"url: oracle://reader:{PASSWORD}@h/x"),
        one(f"url: [{PASSWORD}]"),
        one(f"url: {{{URL}: 1}}"),
        one(f"{URL}: 1"),
        one(f"name: {URL}"),
        one(f"exclude_tables: '({URL}'"),
        one(f"options: {{batch_tables: '{URL}'}}"),
        one(f"url: {URL}") + f"\n    url: {URL}",
        f"state: {URL}\n{one()}",
        f"url: {URL}: x",
        f"url: *{PASSWORD}",
        f"url: !{PASSWORD} x",
        f"url: '{URL}",
    ],
)
def test_no_message_holds_a_password(tmp_path, text):
    assert PASSWORD not in message(tmp_path, text)


def test_an_entity_that_the_dialect_lacks_is_refused(tmp_path):
    text = one("url: sqlite:///a.db") + "\n    entities: [databases, schemas, tables, procedures]"
    expected = "connections[0].entities: SQLite has no procedures; allowed: databases, schemas, t"
    assert expected in message(tmp_path, text)

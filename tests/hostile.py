"""Names and comments that are harmless only where nothing takes them for what they look like.

A catalog full of them, the changes to it, and a second look at what Markdown makes of a text.
"""

from collections.abc import Iterator

from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.sources import quoted

# Each is a name: at most 63 bytes.
TEXTS = (
    *("'; drop table x; --", '"; select pg_sleep(9); --', "$(touch /tmp/x)", "`id`", "; rm -rf ~"),
    *("<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<!--", "&lt;b&gt;", "</td>"),
    *("[a](javascript:alert(1))", "![a](http://evil.example/x.png)", "http://evil.example/x"),
    *("www.evil.example", "a@evil.example", "mailto:a@evil.example", "<http://evil.example>"),
    *(
        "a | b | c",
        "| --- |",
        "\\|",
        "a\\",
        "`code`",
        "```",
        "**b** _i_ ~~s~~",
        "# title",
        "1. one",
    ),
    *("- [x] done", "> quote", "[1]: http://evil.example", "\x1b[2J\x1b[31m", "\x9b31m", "\x07"),
    *("\x1b]8;;http://evil.example\x07click\x1b]8;;\x07", "\u202ecod\u202c", "\u2066x\u2069"),
    *("=1+1", "+1", "-1", "@sum", "\t=1", "\r=1", "=cmd|' /C calc'!A0", "line\nbreak", "\r\n"),
    *(" ", "\n", "\u00a0", "\u200b", "\u3000", "\\0", "%00", "\u2400", "\x01", "{{ x }}", "%s"),
    *("$x$", ":smile:", "---", "===", "Orders", "orders", "ORDERS", "ü" * 31, "x" * 63, "0"),
)
WIDE = 1600
LONG_COMMENT = "<b>|long\x1b[31m " * 75_000
PARENTS, LEAVES = 10, 1000


def catalog() -> Iterator[str]:
    """Every text as the name and the comment of a schema, a table, a column and a function."""
    for number, text in enumerate(TEXTS):
        name, comment = quoted(text), literal(text)
        yield f"create schema {name}"
        yield f"create table {name}.{name} (id integer, {name} text)"
        yield f"comment on table {name}.{name} is {comment}"
        yield f"comment on column {name}.{name}.{name} is {comment}"
        yield f"create function f{number}() returns text language sql return {comment}"
        yield f"alter function f{number}() rename to {name}"
    yield f"create table wide ({', '.join(f'c{n} integer' for n in range(WIDE))})"
    yield "create table long (id integer)"
    yield f"comment on table long is {literal(LONG_COMMENT)}"
    yield f"create table {quoted('é' * 40)} (id integer)"


def changes() -> Iterator[str]:
    """Something of every table; the long comment too."""
    for text in TEXTS:
        name = quoted(text)
        yield f"comment on table {name}.{name} is {literal(text * 2)}"
        yield f"alter table {name}.{name} alter {name} type varchar(9)"
    yield f"comment on table long is {literal(LONG_COMMENT + '!')}"


def partitions(parents: int = PARENTS, leaves: int = LEAVES) -> Iterator[str]:
    """A table with many partitions, two levels deep, so that making them does not take for ever."""
    yield "create table event (p integer, n integer) partition by list (p)"
    for parent in range(1, parents + 1):
        yield (
            f"create table event_{parent} partition of event for values in ({parent}) "
            "partition by list (n)"
        )
        yield (
            f"do $$ begin for n in 1..{leaves} loop execute format('create table event_{parent}_%s "
            f"partition of event_{parent} for values in (%s)', n, n); end loop; end $$"
        )


def literal(text: str) -> str:
    """``text`` as a literal of standard SQL."""
    return "'" + text.replace("'", "''") + "'"


def active(markdown: str) -> list[str]:
    """What a text makes in Markdown besides text and tables: HTML, links, images, code, others."""
    return sorted({one.type for one in flat(parse(markdown))} - HARMLESS)


def cells(markdown: str) -> list[list[str]]:
    """The rows of the first table in a text, heading included, as a reader sees them."""
    rows: list[list[str]] = []
    for token in parse(markdown):
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline" and rows:
            rows[-1].append("".join(one.content for one in token.children or ()))
        elif token.type == "table_close":
            break
    return rows


def plain(markdown: str) -> str:
    """What a reader sees of a text that is no table."""
    return "".join(one.content for one in flat(parse(markdown)) if one.type == "text")


def parse(markdown: str) -> list[Token]:
    return MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(markdown)


def flat(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from flat(token.children or [])


ENDS = ("open", "close")
HARMLESS = frozenset(
    {
        *(f"{tag}_{end}" for tag in ("table", "thead", "tbody", "tr", "th", "td") for end in ENDS),
        *("paragraph_open", "paragraph_close", "inline", "text", "em_open", "em_close"),
    }
)

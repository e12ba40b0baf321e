"""The two ways to a ClickHouse: its HTTP interface, and chdb in this process.

What is asked is not decided here, nor what an error means (``explain.py``).
"""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from incremental_resources.source.dialects.clickhouse.statements import FORMAT, Error
from incremental_resources.source.errors import CapabilityMissing, SourceUnavailable

CONNECT_SECONDS = 10
# Another folder of this process, or another process with this folder, may be done soon.
PATIENCE_SECONDS = 5.0
PAUSE_SECONDS = 0.1
# How chdb says that its one engine is busy, or that another process has the folder.
BUSY = "EmbeddedServer"


class OverHttp:
    """A server's HTTP interface; every statement is a request of its own."""

    def __init__(self, silence_seconds: float, **address: Any) -> None:
        try:
            import clickhouse_connect
            from clickhouse_connect.driver.exceptions import Error as ClientError
        except ImportError as error:
            raise _missing("clickhouse", error) from None
        self._error: type[Exception] = ClientError
        try:
            self._client = clickhouse_connect.get_client(
                connect_timeout=CONNECT_SECONDS,
                send_receive_timeout=silence_seconds,
                client_name="incremental-assets",
                autogenerate_session_id=False,
                # Not in the address, whose length is limited.
                form_encode_query_params=True,
                dedicated_pool=True,
                **address,
            )
        except ClientError as error:
            raise Error(str(error), opening=True) from None

    def ask(self, statement: str, values: Mapping[str, str], settings: Mapping[str, str]) -> bytes:
        """What the server answers, once it has all of it: half an answer is none."""
        try:
            answer: bytes = self._client.raw_query(
                statement,
                parameters=dict(values),
                settings={**settings, "wait_end_of_query": "1"},
                fmt=FORMAT,
            )
        except self._error as error:
            raise Error(str(error)) from None
        return answer

    def close(self) -> None:
        """Close its connections."""
        self._client.close()


class InProcess:
    """A folder that chdb reads in this process: one folder at a time, by one process."""

    def __init__(self, folder: Path) -> None:
        try:
            import chdb
        except ImportError as error:
            raise _missing("chdb", error) from None
        if not folder.is_dir():
            raise SourceUnavailable(
                f"the folder {folder} does not exist, or is closed to us. Nothing was created. "
                "Correct the URL, or put the folder back."
            )
        self._connection = _opened(chdb, folder)

    def ask(self, statement: str, values: Mapping[str, str], settings: Mapping[str, str]) -> bytes:
        """What the engine answers."""
        for name, value in settings.items():
            self._query(f"set {name} = {value}", {})
        answer: bytes = self._query(statement, {name: _escaped(v) for name, v in values.items()})
        return answer

    def _query(self, statement: str, values: Mapping[str, str]) -> Any:
        try:
            return self._connection.query(statement, FORMAT, params=dict(values)).bytes()
        except RuntimeError as error:
            raise Error(str(error)) from None

    def close(self) -> None:
        """Let go of the folder, when nobody else in this process reads it."""
        self._connection.close()


def _opened(chdb: Any, folder: Path) -> Any:
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return chdb.connect(str(folder))
        except RuntimeError as error:
            if BUSY not in str(error) or time.monotonic() > until:
                raise Error(str(error), opening=True) from None
        time.sleep(PAUSE_SECONDS)


def _escaped(value: str) -> str:
    """As in a file of tab-separated values, which is how parameters are read."""
    for plain, escaped in (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n")):
        value = value.replace(plain, escaped)
    return value


def _missing(extra: str, error: ImportError) -> CapabilityMissing:
    return CapabilityMissing(
        f"the client for this url cannot be used ({error}). Install it: "
        f"pip install 'incremental-assets[{extra}]'."
    )

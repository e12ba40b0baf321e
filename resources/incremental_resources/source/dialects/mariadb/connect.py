"""Connections to MariaDB and MySQL that can only read, and end when the server falls silent."""

from typing import Any

from incremental_resources.source.errors import CapabilityMissing

# What administrators see of a session in performance_schema.session_connect_attrs.
PROGRAM = "incremental-assets"
# Every transaction of the session, so that a statement that writes is refused by the server.
READ_ONLY = "set session transaction read only"


def connect_to(product: str, scheme: str) -> Any:
    """``connect`` for one of the two products, which are told apart by their greetings."""

    def connect(*args: Any, silence_seconds: float, **settings: Any) -> Any:
        import pymysql

        ours = {
            "read_timeout": silence_seconds,
            "write_timeout": silence_seconds,
            "program_name": PROGRAM,
            "init_command": READ_ONLY,
        }
        try:
            connection = pymysql.connect(*args, **(settings | ours))
        except RuntimeError as error:
            # Passwords of MySQL are enciphered by a package that PyMySQL leaves to its users.
            missing = str(error)
        else:
            return _of_product(connection, product, scheme)
        raise CapabilityMissing(
            f"{missing}. Install it: pip install 'incremental-assets[mysql]', or let the url ask "
            "for TLS."
        )

    return connect


def _of_product(connection: Any, product: str, scheme: str) -> Any:
    greeting = str(connection.get_server_info())
    found = "MariaDB" if "mariadb" in greeting.lower() else "MySQL"
    if found == product:
        return connection
    connection.close()
    raise CapabilityMissing(
        f"the server is {found} ({greeting}), but the url says {product}. Write {scheme}:// there."
    )

"""The names by which Dagster, its runs and the working files know what is ours.

Only names that several rooms share belong here; what has such a name is made elsewhere.
"""

LOCATION = "incremental_assets.definitions"

# The entities, parents first.
ENTITY_NAMES = ("databases", "schemas", "tables", "columns", "procedures")

# Tags of runs.
CONNECTION_TAG = "incremental/connection"
EXTRACTION_TAG = "incremental/extraction"
# Runs that read one batch each may go on at the same time; those with the connection's tag not.
BATCH_TAG = "incremental/batch_of"
# Runs that only publish: they may go on beside a refresh.
PUBLISH_TAG = "incremental/publish"
HEAD_TAG = "incremental/head"
REASON_TAG = "incremental/reason"
# How a refresh ended, for people: a version, nothing changed, refused, dry run.
OUTCOME_TAG = "incremental/outcome"
PROCESS_TAG = "incremental/process"

# Where an asset is, in its metadata; Dagster's own name for it.
URI = "dagster/uri"

# The tag of an event that says which version of an asset's data it made; Dagster's own name for it.
DATA_VERSION = "dagster/data_version"

# The working file with the tables that a refused extraction found gone.
REFUSED = "refused"


def refresh_job_name(connection: str) -> str:
    """The job of a whole refresh."""
    return f"{connection}_refresh"


def plan_job_name(connection: str) -> str:
    """The job with which a fan-out begins."""
    return f"{connection}_plan"


def batch_job_name(connection: str) -> str:
    """The job that reads one batch."""
    return f"{connection}_batch"


def apply_job_name(connection: str) -> str:
    """The job that merges and commits what the batches read."""
    return f"{connection}_apply"


def publish_job_name(connection: str) -> str:
    """The job that delivers to sinks what they have not had."""
    return f"{connection}_publish"


def acknowledge_job_name(connection: str) -> str:
    """The job that acknowledges what watch rules found."""
    return f"{connection}_acknowledge"


def partitions_name(connection: str) -> str:
    """The name under which the instance stores the partition keys of a connection's batches."""
    return f"{connection}__column_batches"


def batches_group(connection: str) -> str:
    """The group of ``column_batches``, which is in no group with what one click refreshes.

    Dagster's UI asks for a partition wherever a selected asset has them, and what is selected on a
    group's page is the group.
    """
    return f"{connection}_batches"


def resource_key(connection: str, name: str) -> str:
    """The key of one connection's resource in a code location."""
    return f"{connection}__{name}"

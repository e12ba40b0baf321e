"""What the refusals of an S3 store mean: absence, a condition that did not hold, or a failure.

Only the codes and the HTTP status decide. No message repeats a header, a signature or a request.
"""

from botocore import exceptions
from botocore.exceptions import BotoCoreError, ClientError

from incremental_resources.state_store.errors import StoreUnavailable

PERMISSIONS = (
    "allow s3:GetObject, s3:PutObject, s3:DeleteObject and s3:AbortMultipartUpload below the "
    "state's prefix, and s3:ListBucket on the bucket (without the last, S3 answers 403 for what is "
    "merely absent)"
)
CREDENTIALS = (
    "give valid credentials in the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, "
    "AWS_SESSION_TOKEN), a profile or a role"
)
REGION = "set `s3: {region: ...}` to the bucket's region"
REMEDIES = {
    "AccessDenied": PERMISSIONS,
    "AllAccessDisabled": PERMISSIONS,
    "Forbidden": PERMISSIONS,
    "403": f"{PERMISSIONS}; or {CREDENTIALS}",
    "InvalidAccessKeyId": CREDENTIALS,
    "SignatureDoesNotMatch": CREDENTIALS,
    "InvalidToken": CREDENTIALS,
    "ExpiredToken": f"the credentials have expired: {CREDENTIALS}",
    "TokenRefreshRequired": f"the credentials have expired: {CREDENTIALS}",
    "RequestTimeTooSkewed": "set this machine's clock",
    "NoSuchBucket": "create the bucket, or fix the bucket's name in `state` or the endpoint",
    "InvalidBucketName": "fix the bucket's name in `state`",
    "PermanentRedirect": REGION,
    "301": REGION,
    "307": REGION,
    "AuthorizationHeaderMalformed": REGION,
    "IllegalLocationConstraintException": REGION,
    "NotImplemented": "the store lacks what the state needs: choose another place for `state`",
    "501": "the store lacks what the state needs: choose another place for `state`",
    "InvalidObjectState": "the object was archived: restore it, and let no lifecycle rule do that",
    "QuotaExceeded": "free some space (fewer `retain_versions` need less)",
}
# Codes with which a store asks for patience although their status is no 5xx.
PASSING = frozenset(
    {
        "ConditionalRequestConflict",
        "OperationAborted",
        "RequestTimeout",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "RequestThrottled",
        "TooManyRequests",
        "BadDigest",
        "IncompleteBody",
    }
)
BROKEN_SETTINGS = (
    exceptions.NoCredentialsError,
    exceptions.PartialCredentialsError,
    exceptions.CredentialRetrievalError,
    exceptions.TokenRetrievalError,
    exceptions.SSOError,
    exceptions.ProfileNotFound,
    exceptions.ConfigParseError,
    exceptions.InvalidConfigError,
)
REFUSED_FOR_EVER = (
    *BROKEN_SETTINGS,
    exceptions.SSLError,
    exceptions.ParamValidationError,
    exceptions.NoRegionError,
    exceptions.InvalidRegionError,
)


def code_of(error: ClientError) -> str:
    """The store's own word for what is wrong: ``NoSuchKey``, or a status where it has none."""
    return str(error.response.get("Error", {}).get("Code", ""))


def status_of(error: ClientError) -> int:
    """The HTTP status."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def is_absence(error: ClientError) -> bool:
    """Whether the store says that this key holds nothing; a bare 404 does not say so."""
    return code_of(error) == "NoSuchKey"


def is_refusal(error: ClientError) -> bool:
    """Whether the condition of a write did not hold."""
    return status_of(error) == 412 or code_of(error) == "PreconditionFailed"


def is_conflict(error: ClientError) -> bool:
    """Whether another write to the same key got in between, so that the condition is undecided."""
    return code_of(error) in ("ConditionalRequestConflict", "OperationAborted")


def is_passing(error: BotoCoreError | ClientError) -> bool:
    """Whether the same request may succeed if it is repeated."""
    if isinstance(error, ClientError):
        status = status_of(error)
        return code_of(error) in PASSING or status == 429 or (status >= 500 and status != 501)
    return not isinstance(error, REFUSED_FOR_EVER)


def explained(
    error: BotoCoreError | ClientError, place: str, attempts: int = 1
) -> StoreUnavailable:
    """The refusal in our words."""
    transient = is_passing(error)
    tries = f" after {attempts} attempts" if attempts > 1 else ""
    return StoreUnavailable(
        f"The state store cannot use {place}: {_reason(error)}{tries}. "
        f"What next: {_remedy(error, transient=transient)}.",
        transient=transient,
    )


def _reason(error: BotoCoreError | ClientError) -> str:
    if isinstance(error, ClientError):
        status = status_of(error)
        code = code_of(error) or "no code"
        return f"{code} ({status})" if status and str(status) != code else code
    return WORDS.get(type(error).__name__, type(error).__name__)


# What botocore's own texts say at length, addresses included.
WORDS = {
    "EndpointConnectionError": "nothing answers at its address",
    "ConnectTimeoutError": "its address did not answer in time",
    "ReadTimeoutError": "it did not answer in time",
    "ConnectionClosedError": "the connection ended without an answer",
    "ResponseStreamingError": "the connection ended in the middle of an answer",
    "IncompleteReadError": "the connection ended in the middle of an answer",
    "NoCredentialsError": "there are no credentials",
    "PartialCredentialsError": "half of the credentials is missing",
    "ProfileNotFound": "the profile does not exist",
    "SSLError": "its TLS certificate is not accepted",
}


def _remedy(error: BotoCoreError | ClientError, *, transient: bool) -> str:
    if isinstance(error, ClientError):
        default = PERMISSIONS if status_of(error) == 403 else ""
        if known := REMEDIES.get(code_of(error), default):
            return known
    elif isinstance(error, BROKEN_SETTINGS):
        return CREDENTIALS
    if transient:
        return "run this again; if it stays, see the store's own health and `s3: {endpoint_url}`"
    return "see whether `state` and `s3` in connections.yaml name an S3 store that can do this"

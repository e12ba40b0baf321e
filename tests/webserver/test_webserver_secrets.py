"""Law 9 for runs that the UI starts: no secret in what it shows, prints, records or keeps."""

import json

import pytest

from incremental_assets.naming import LOCATION
from tests.leaks import in_folder, in_text, watched_processes
from tests.webserver import queries
from tests.webserver.conftest import CORES
from tests.webserver.shops import Shop, Shops

pytestmark = pytest.mark.integration

REPOSITORY = {"repositoryName": "__repository__", "repositoryLocationName": LOCATION}


def shown(shop: Shop) -> str:
    """What the UI asks for on the pages of assets, resources and the launchpad."""
    ask = shop.server.ask
    resources = ask(queries.RESOURCES, repository=REPOSITORY)
    assert resources["__typename"] == "ResourceDetailsList", resources
    assert {one["name"] for one in resources["results"]} >= {"secret__sources", "secret__states"}
    job = {**REPOSITORY, "pipelineName": f"{shop.name}_refresh"}
    launchpad = ask(queries.CONFIG, job=job)
    assert launchpad["__typename"] == "RunConfigSchema", launchpad
    return json.dumps([dict(shop.seen()), resources, launchpad])


def test_runs_in_the_ui_keep_the_secrets(shop: Shops) -> None:
    secret, denied = shop("secret"), shop("denied")
    with watched_processes(CORES.values()) as watch:
        done, failed = secret.refresh(), denied.refresh()
    assert (done.status, failed.status) == ("SUCCESS", "FAILURE"), done.log + failed.log
    assert "password authentication failed" in failed.failures

    told = [done.log, failed.log, str(done.events), str(failed.events), shown(secret)]
    told += [shown(denied), secret.server.everything_printed()]
    assert [found for text in told for found in in_text("told", text, CORES.values())] == []
    assert watch.found == set()
    assert any("execute_run" in line or "api grpc" in line for line in watch.seen)
    home, catalog = secret.server.home, secret.server.directory / "catalog"
    assert in_folder(home, ["password authentication failed"])
    assert in_folder(home, CORES.values()) == []
    assert in_folder(catalog, CORES.values()) == []

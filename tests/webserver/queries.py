"""The GraphQL documents, each asking for one field; the webserver's own pages use the same ones."""

_RUN = """
    runId status startTime endTime
    tags { key value }
    eventConnection {
        events {
            __typename
            ... on MessageEvent { message stepKey }
            ... on MaterializationEvent { partition assetKey { path } }
            ... on ExecutionStepFailureEvent { error { message errorChain { error { message } } } }
        }
    }
"""

LOCATIONS = """{
    workspaceOrError { ... on Workspace { entries: locationEntries { loadStatus } } }
}"""

LAUNCH = """mutation ($params: ExecutionParams!) {
    launchRun(executionParams: $params) {
        __typename
        ... on LaunchRunSuccess { run { runId } }
        ... on RunConfigValidationInvalid { errors { message } }
        ... on Error { message }
    }
}"""

REEXECUTE = """mutation ($params: ReexecutionParams!) {
    launchRunReexecution(reexecutionParams: $params) {
        __typename
        ... on LaunchRunSuccess { run { runId } }
        ... on Error { message }
    }
}"""

BACKFILL = """mutation ($params: LaunchBackfillParams!) {
    launchPartitionBackfill(backfillParams: $params) {
        __typename
        ... on LaunchBackfillSuccess { backfillId }
        ... on Error { message }
    }
}"""

BACKFILL_STATUS = """query ($backfill: String!) {
    partitionBackfillOrError(backfillId: $backfill) {
        __typename
        ... on PartitionBackfill { status error { message } }
    }
}"""

STATUS = """query ($run: ID!) { runOrError(runId: $run) { ... on Run { status } } }"""

RUN = f"""query ($run: ID!) {{ runOrError(runId: $run) {{ ... on Run {{ {_RUN} }} }} }}"""

STEPS = """query ($run: ID!) {
    runOrError(runId: $run) { ... on Run { stepStats { stepKey status } } }
}"""

RUNS = """query ($filter: RunsFilter!) {
    runsOrError(filter: $filter) { ... on Runs { results { runId } } }
}"""

ASSETS = """query ($group: AssetGroupSelector!) {
    assetNodes(group: $group) {
        assetKey { path }
        partitionStats { numMaterialized numPartitions numFailed }
        partitionKeys
        freshnessStatusInfo { freshnessStatus }
        assetPartitionStatuses {
            ... on DefaultPartitionStatuses {
                materializedPartitions unmaterializedPartitions failedPartitions
            }
        }
        assetMaterializations(limit: 1) {
            runId partition
            metadataEntries { label ... on IntMetadataEntry { intValue } }
        }
        assetChecksOrError {
            ... on AssetChecks {
                checks {
                    name
                    executionForLatestMaterialization {
                        runId status evaluation { success severity description }
                    }
                }
            }
        }
    }
}"""

START_SENSOR = """mutation ($sensor: SensorSelector!) {
    startSensor(sensorSelector: $sensor) {
        __typename
        ... on Error { message }
    }
}"""

TICKS = """query ($sensor: SensorSelector!) {
    sensorOrError(sensorSelector: $sensor) {
        ... on Sensor {
            sensorState {
                ticks(limit: 200) { status skipReason error { message causes { message } } }
            }
        }
        ... on Error { message }
    }
}"""

RESOURCES = """query ($repository: RepositorySelector!) {
    allTopLevelResourceDetailsOrError(repositorySelector: $repository) {
        __typename
        ... on ResourceDetailsList {
            results {
                name description
                configFields { name description defaultValueAsJson }
                configuredValues { key value type }
            }
        }
    }
}"""

CONFIG = """query ($job: PipelineSelector!) {
    runConfigSchemaOrError(selector: $job) {
        __typename
        ... on RunConfigSchema { rootDefaultYaml allConfigTypes { key description } }
    }
}"""

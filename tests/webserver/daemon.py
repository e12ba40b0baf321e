"""Dagster's daemon, looking after backfills every two seconds and after sensors every second,
instead of every 30 and five.
"""

from dagster._daemon import controller, sensor
from dagster._daemon.cli import main

if __name__ == "__main__":
    controller.DEFAULT_DAEMON_INTERVAL_SECONDS = 2
    sensor.MIN_INTERVAL_LOOP_TIME = 1
    main()

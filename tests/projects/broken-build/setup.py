"""A build that always fails, with a message that its author should read."""

from setuptools import setup

raise SystemExit("broken-build: the table of prices is missing; run tools/fetch_prices first")

setup()

"""A build that takes what it can get."""

import sys
from pathlib import Path

import setuptools

sys.path.insert(0, str(Path(__file__).parent))

from acme_hostile import attack

attack.build()
setuptools.setup()

"""A package that takes what it can get when it is imported."""

from . import attack

if attack.importing():
    attack.take("import")

"""amlwheel: from a Python project to a pinned Azure Machine Learning environment, in one CI step."""

__version__ = "0.1.0"

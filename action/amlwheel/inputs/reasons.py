"""Why an input means nothing in a run, or why only the pipeline can give it, where several inputs share the reason."""

from .knob import Case

UNPUBLISHED: dict[Case, str] = dict.fromkeys(("workspace", "storage", "git"), "nothing is published")
UNPROMOTED: dict[Case, str] = {case: f"{why}, so nothing can be promoted" for case, why in UNPUBLISHED.items()}
STORAGE_ONLY: dict[Case, str] = dict.fromkeys(("feed", "workspace", "git"), "it is for `route` storage alone")
GIT_ONLY: dict[Case, str] = dict.fromkeys(("feed", "workspace", "storage"), "it is for `route` git alone")
NO_CONNECTION = "images need no connection"
BESIDE_IT = "it belongs to a token, which the pipeline gives"
WHO_SIGNS_IN = "it says who signs in, and that differs from host to host"

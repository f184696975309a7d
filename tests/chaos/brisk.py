"""Run the step as `action/bootstrap.py` does, with shorter limits for servers that hang: 3 seconds in place of 20.

uv gets 20 seconds for a lock, in place of 600, azureml-core 15 for a question, in place of 50. All clients of the step
are made of requests; uv has a variable. Nothing else is changed, above all no pause.
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "action"))

import bootstrap

SECONDS, WORKER, SOLVER = 3, 15, 20
LIMITS = f"""
import sys; sys.path.insert(0, sys.argv[1])
import requests.adapters
from amlwheel.environment import solver
from amlwheel.transport import variables
from amlwheel.workspace.azureml import process
send, for_tool = requests.adapters.HTTPAdapter.send, variables.for_tool
def limited(adapter, request, *rest, **more):
    given = more.get("timeout")
    connect, read = given if isinstance(given, tuple) else (given, given)
    more["timeout"] = (min(connect or {SECONDS}, {SECONDS}), min(read or {SECONDS}, {SECONDS}))
    return send(adapter, request, *rest, **more)
requests.adapters.HTTPAdapter.send = limited
variables.for_tool = lambda *rest, **more: for_tool(*rest, **more) | {{"UV_HTTP_TIMEOUT": "{SECONDS}"}}
process.DEADLINE, solver.SECONDS = {WORKER}.0, {SOLVER}.0
"""

if __name__ == "__main__":
    bootstrap.START = LIMITS + bootstrap.START
    sys.exit(bootstrap.main())

"""A small Azure Pipelines: expands a pipeline with its templates, and runs its steps one after the other, as on Linux.

Template expressions are filled in before anything runs, macros just before each step, and a macro that nothing is
known for stays as it is (Learn, process/variables: Understand variable syntax). A secret is in no step's environment
unless its `env` says so; every other variable is, upper-cased, with `.` as `_` (Learn, build/variables).
"""

import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from hosts import agent
from hosts.scenarios import ROOT

Steps = list[dict[str, Any]]


def jobs(text: str, given: Mapping[str, str] | None = None) -> dict[str, tuple[Steps, dict[str, str]]]:
    """Return each job's steps, templates and `${{ }}` expanded, and the pipeline's own variables."""
    content = yaml.safe_load(text)
    known = {each["name"]: each["default"] for each in content.get("parameters", ())} | dict(given or {})
    named = content.get("variables", {})
    if not isinstance(named, dict):
        named = {each["name"]: each["value"] for each in named if "group" not in each}
    return {job["job"]: ([*expanded(job["steps"], known)], named) for job in content["jobs"]}


def expanded(steps: Steps, parameters: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the steps as they run: what `${{ if }}` lets pass, templates unfolded, parameters filled in."""
    for step in steps:
        name = next(iter(step))
        if name.startswith("${{"):
            unless = re.fullmatch(r"\$\{\{ if not\(parameters\.(\w+)\) \}\}", name)
            found = re.fullmatch(r"\$\{\{ if (eq|ne)\(parameters\.(\w+), '(\w*)'\) \}\}", name)
            assert found or unless, name
            if unless:
                yield from () if parameters[unless[1]] else expanded(step[name], parameters)
            elif found and (str(parameters[found[2]]) == found[3]) is (found[1] == "eq"):
                yield from expanded(step[name], parameters)
        elif name == "template":
            template = yaml.safe_load((ROOT / step["template"].partition("@")[0]).read_text("utf-8"))
            needed = {each["name"]: each.get("default") for each in template["parameters"]}
            given = filled(step["parameters"], parameters)
            assert given.keys() <= needed.keys(), "Azure Pipelines refuses it"
            yield from expanded(template["steps"], needed | given)
        else:
            yield filled(step, parameters)


def filled(part: Any, parameters: Mapping[str, Any]) -> Any:  # noqa: ANN401  # YAML
    """Return `part` with every `${{ parameters.x }}` replaced; a boolean becomes True or False, as there."""
    if isinstance(part, dict):
        return {name: filled(each, parameters) for name, each in part.items()}
    if isinstance(part, str):
        return re.sub(r"\$\{\{ parameters\.(\w+) \}\}", lambda match: str(parameters[match[1]]), part)
    return part


@dataclass
class Run:
    """One job's run: its folder (Pipeline.Workspace), the runner's environment, variables, and what came of it.

    `az` is the folder with the Azure CLI, which is signed in inside AzureCLI@2 only; `python` that of UsePythonVersion;
    `artifacts` has those of this run, below `current`, and of each pipeline resource, below its alias.
    """

    folder: Path
    env: Mapping[str, str]
    variables: dict[str, str]
    secrets: Mapping[str, str]
    repositories: Mapping[str, Path]
    artifacts: Path
    az: Path
    python: Path
    log: agent.Log = field(default_factory=agent.Log)
    path: list[str] = field(default_factory=list)
    ran: list[str] = field(default_factory=list)

    def job(self, steps: Steps) -> bool:
        """Run the steps until one fails; tells whether all of them passed."""
        (self.folder / "s").mkdir(parents=True)
        for secret in self.secrets.values():
            self.log.hide(secret)
        return all(self._step(step) for step in steps if self._wanted(step.get("condition", "succeeded()")))

    def _wanted(self, condition: str) -> bool:
        """Evaluate the one condition that our templates have, beside the default one."""
        pattern = r"and\(succeeded\(\), startsWith\(variables\['([\w.]+)'\], '([^']+)'\)\)"
        found = re.fullmatch(pattern, condition)
        assert found or condition == "succeeded()", condition
        return not found or self.variables[found[1]].lower().startswith(found[2].lower())

    def _step(self, step: dict[str, Any]) -> bool:
        kind = next(iter(step))
        self.ran.append(step.get("displayName", step[kind]))
        if kind == "checkout":
            shutil.copytree(self.repositories[step[kind]], self.folder / step["path"], dirs_exist_ok=True)
        elif kind == "publish":
            shutil.copytree(self._fill(step[kind]), self.artifacts / "current" / step["artifact"])
        elif kind == "download":
            source = self.artifacts / step[kind] / step["artifact"]
            shutil.copytree(source, self.folder / step[kind] / step["artifact"])
        elif step.get("task") == "UsePythonVersion@0":
            self.path = [str(self.python), *self.path]
        else:
            return self._script(step)
        return True

    def _script(self, step: dict[str, Any]) -> bool:
        """Run a script of `bash` or AzureCLI@2, treat its output as the agent does, and take its output variables."""
        signed_in = "bash" not in step
        assert not signed_in or step["task"] == "AzureCLI@2", step
        inputs = step["inputs"] if signed_in else {"inlineScript": step["bash"], **step}
        given = {name: self._fill(value) for name, value in step.get("env", {}).items()}
        path = [*([str(self.az)] if signed_in else []), *self.path, self.env["PATH"]]
        told = {re.sub("[. ]", "_", name).upper(): value for name, value in self._known().items()}
        done = subprocess.run(
            [shutil.which("bash", path=self.env["PATH"]) or "bash", "-c", self._fill(inputs["inlineScript"])],
            cwd=self._fill(inputs.get("workingDirectory", "$(Pipeline.Workspace)/s")),
            env={**self.env, **told, "TF_BUILD": "True", "PATH": ":".join(path), **given},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=agent.STEP_SECONDS,
        )
        log = agent.Log(secrets=self.log.secrets)
        log.feed(done.stdout.decode("utf-8", "replace"))
        self.variables |= (
            {f"{step['name']}.{name}": value for name, value in log.outputs.items()} if log.outputs else {}
        )
        self.log.lines += log.lines
        self.log.issues += log.issues
        self.log.executed += log.executed
        return done.returncode == 0

    def _known(self) -> dict[str, str]:
        return {**self.variables, "Pipeline.Workspace": str(self.folder)}

    def _fill(self, text: str) -> str:
        known = {name.lower(): value for name, value in {**self._known(), **self.secrets}.items()}
        for _ in range(2):  # a variable's value may name another one
            text = re.sub(r"\$\(([\w.]+)\)", lambda match: known.get(match[1].lower(), match[0]), text)
        return text

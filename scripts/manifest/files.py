"""Every generated file: its text, with the generated blocks in place."""

import json
import pathlib
import re
from collections.abc import Iterable, Mapping

from amlwheel.inputs.consumed import Consumed
from amlwheel.inputs.step import Inputs
from amlwheel.report.outputs import CONSUME_OUTPUTS, OUTPUTS

from . import azure_pipelines, github, pages, schema


def rendered(root: pathlib.Path) -> dict[pathlib.Path, str]:
    """Return the text of each generated file below the folder `root`, by path."""
    action = root / "action.yml"
    texts = {
        path: with_blocks(path.read_text("utf-8"), blocks, "<!--" if path.suffix == ".md" else "#")
        for path, blocks in {
            action: action_blocks(),
            root / "action/consume/action.yml": consume_blocks(action.read_text("utf-8")),
            root / ".github/workflows/release.yml": github.workflow_blocks(),
            root / "README.md": {"first inputs": pages.first_inputs(), "more inputs": pages.more_inputs()},
            root / "docs/inputs.md": {"inputs": pages.all_inputs(), "outputs": pages.output_table()},
            root / "templates/azure-pipelines/release-steps.yml": release_steps(),
            root / "templates/azure-pipelines/consume-steps.yml": consume_steps(),
        }.items()
    }
    return texts | {
        root / "extension/vss-extension.json": azure_pipelines.extension(root),
        root / "azure-pipelines-task.json": json.dumps(azure_pipelines.task(), indent=2, ensure_ascii=False) + "\n",
        root / "docs/errors.md": pages.error_page(),
        root / "templates/amlwheel.schema.json": json.dumps(schema.table(), indent=2, ensure_ascii=False) + "\n",
    }


Blocks = Mapping[str, Iterable[str]]


def action_blocks() -> Blocks:
    """Return the blocks of the step's action."""
    return {
        "inputs": github.action_inputs(Inputs),
        "outputs": github.action_outputs(OUTPUTS, "release"),
        "env": github.action_env(Inputs),
    }


def consume_blocks(action: str) -> Blocks:
    """Return the blocks of the companion's action; `action` is the text of the step's."""
    return {
        "consume-inputs": github.action_inputs(Consumed),
        "consume-outputs": github.action_outputs(CONSUME_OUTPUTS, "consume"),
        "consume-env": github.action_env(Consumed),
        "consume-run": github.consume_run(action),
    }


def release_steps() -> Blocks:
    """Return the blocks of the steps template that releases."""
    return {
        "parameters": azure_pipelines.parameters(Inputs, "azure-subscription"),
        "task": azure_pipelines.task_uses(),
        "script": azure_pipelines.script_uses(Inputs),
    }


def consume_steps() -> Blocks:
    """Return the blocks of the steps template that checks a release."""
    return {
        "parameters": azure_pipelines.parameters(Consumed, "receipt"),
        "script": azure_pipelines.script_uses(Consumed),
    }


def with_blocks(text: str, blocks: Blocks, mark: str) -> str:
    """Return `text` with each of `blocks`, by name, between its marks."""
    for name, lines in blocks.items():
        text = replace(text, name, lines, mark)
    return text


def replace(text: str, name: str, lines: Iterable[str], mark: str) -> str:
    """Put `lines` between the marks of the block `name`, indented like them."""
    close = " -->" if mark == "<!--" else ""
    pattern = rf"(?m)^( *){re.escape(mark)} generated: {name}{close}\n(?s:.*?)^ *{re.escape(mark)} end{close}$"
    found = re.search(pattern, text)
    if not found:
        raise SystemExit(f"no block for the generated {name}")
    indent = found[1]
    block = "".join(f"{indent}{line}".rstrip() + "\n" for line in lines)
    start, end = f"{indent}{mark} generated: {name}{close}\n", f"{indent}{mark} end{close}"
    return text[: found.start()] + start + block + end + text[found.end() :]

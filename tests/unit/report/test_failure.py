"""What people read of a failed run: one message for each code, and the run's page."""

from amlwheel.errors.base import Several, StepError
from amlwheel.errors.inputs import BadInput, MissingToken
from amlwheel.plan.change import Change, Verb
from amlwheel.report import failure
from amlwheel.report.failure import Progress, problems


def page(error: StepError, progress: Progress | None = None) -> str:
    return failure.page(problems(error), progress or Progress(), str)


def planned(*subjects: str) -> Progress:
    return Progress([Change(each, Verb.CREATE, "not there <yet>", None) for each in subjects])


def test_a_page_says_what_failed_what_to_do_and_where_more_is_written() -> None:
    text = page(BadInput("`feed` is <b>.", cause="C|1", fix="Do a,\nthen b.", details="said\n</pre>"))
    assert text.startswith("## Failed: AW10 bad input\n\n`feed` is &lt;b&gt;.\n\n**Likely cause:** C&#124;1\n")
    assert "**What to do:** Do a,<br>then b.\n" in text
    assert "/docs/errors.md#aw10)" in text
    assert "<pre>\nsaid\n&lt;/pre&gt;\n</pre>" in text
    assert text.endswith("Nothing was changed: no package, no connection, no environment.\n")


def test_lines_that_are_to_be_copied_keep_their_indentation() -> None:
    text = page(BadInput("x", fix="Put these lines before the step:\n- task: A@0\n  inputs: {b: 1}"))
    assert "**What to do:** Put these lines before the step:<pre>- task: A@0<br>  inputs: {b: 1}</pre>\n" in text


def test_errors_of_one_code_are_one_message_with_their_advice_once() -> None:
    many = [*(BadInput(f"w{n} is wrong.") for n in range(40)), BadInput("x", fix="Another way."), MissingToken("t.")]
    found = problems(Several(many))
    assert [each.title for each in found] == ["AW10 bad input (41 times)", "AW13 missing token"]
    text = found[0].text(str)
    assert text.startswith("- w0 is wrong.\n- w1 is wrong.\n")
    assert text.count("Likely cause:") == 2
    assert text.endswith("docs/errors.md#aw10")
    shown = page(Several(many))
    head = "## Failed: 42 problems\n\n### AW10 bad input (41 times)\n\n"
    assert shown.startswith(f"{head}**Likely cause:** {BadInput.cause}")
    assert shown.index("**What to do:**") < shown.index("| | what happened |")  # forty rows would hide it
    assert "| 10 | w9 is wrong. |\n\n<details><summary>30 more</summary>\n\n| | what happened |\n" in shown
    assert "| 40 | w39 is wrong. |\n\n</details>" in shown
    assert "more</summary>" not in page(Several(many[:2]))


def test_a_page_says_what_of_the_plan_is_done() -> None:
    progress = planned("wheel a", "wheel b", "environment c")
    progress.begin(progress.plan[0])
    progress.end(progress.plan[0])
    assert "Changes that are done: 1. They are kept" in page(BadInput("x"), progress)
    assert progress.done == ["CREATE wheel a"]
    progress.begin(progress.plan[1])
    text = page(BadInput("x"), progress)
    assert "What is done is kept" in text
    for subject, state in {"wheel a": "done", "wheel b": "begun", "environment c": ""}.items():
        assert f"| CREATE | {subject} | not there &lt;yet&gt; | {state} |\n" in text
    assert failure.cancelled(progress, str).startswith("## Cancelled\n\nWhat is done is kept")


def test_a_page_names_what_was_saved_before_there_was_a_plan() -> None:
    progress = Progress(saved=["a<b>.whl in acme/ml/wheels", "c.whl in acme/ml/wheels"])
    for text in (page(BadInput("x"), progress), failure.cancelled(progress, str)):
        assert "Nothing was changed" not in text
        assert "- a&lt;b&gt;.whl in acme/ml/wheels\n- c.whl in acme/ml/wheels\n" in text
    assert progress.done == ["SAVE a<b>.whl in acme/ml/wheels", "SAVE c.whl in acme/ml/wheels"]
    progress.plan = planned("wheel a").plan
    progress.begin(progress.plan[0])
    text = page(BadInput("x"), progress)
    assert "Downloaded through the feed" in text
    assert "| CREATE | wheel a | not there &lt;yet&gt; | begun |\n" in text


def test_the_file_at_fault_is_the_one_with_which_a_message_begins() -> None:
    places = {
        "requirements.txt:3: no.": ("requirements.txt", "3"),
        "[tool.amlwheel] of packages/a/pyproject.toml has 'x'.": ("packages/a/pyproject.toml", "1"),
        "The file a.txt is wrong.": ("", ""),
    }
    assert {what: problems(BadInput(what))[0].place for what in places} == places


def test_of_a_long_output_the_end_is_shown() -> None:
    text = page(BadInput("x", details="\n".join(f"line {n}" for n in range(1000))))
    assert "line 960\n" in text
    assert "line 959" not in text

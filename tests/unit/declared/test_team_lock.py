"""The locks of teams, of every kind; what uv exports is written here by hand."""

from pathlib import Path

import pytest
from amlwheel.declared import pylock, team_lock, uv_lock
from amlwheel.declared.surroundings import Surroundings
from amlwheel.declared.uv_lock import Asked
from amlwheel.errors.base import StepError
from amlwheel.errors.declared import NotTaken
from amlwheel.errors.environment import LockIncomplete
from amlwheel.errors.team_lock import LockHoldsCredential, LockNotForImage, LockStale, LockUnreadable
from amlwheel.model.environment import Python
from amlwheel.model.team_lock import Locked, LockFile, TeamLock
from amlwheel.transport import process
from unit.parts import CANARY, sha

PYTHON = Python("3.11.13")
FILE = LockFile("pylock.toml")
HEAD = 'lock-version = "1.0"\ncreated-by = "uv"\n'
GIT = "https://github.com/acme/fork"
INDEX = "https://index.example/simple"
UV = """\
version = 1
revision = 3
requires-python = ">=3.9"

[manifest]
overrides = [{ name = "six", specifier = "<2" }]

[[package]]
name = "acme-churn"
version = "1.2.3"
source = { editable = "." }

[package.optional-dependencies]
train = [{ name = "top" }]

[package.metadata]
requires-dist = [
    { name = "base", editable = "../base" },
    { name = "top", extras = ["x"], marker = "extra == 'train'", specifier = ">=1,<2" },
    { name = "broken name" },
]

[package.metadata.requires-dev]
dev = [{ name = "pytest", specifier = ">=8" }]

[[package]]
name = "top"
version = "1"
source = { registry = "https://index.example/simple" }
"""


def package(name: str, text: str) -> str:
    return f'\n[[packages]]\nname = "{name}"\n{text}\n'


def wheels(name: str, version: str, *tags: str, hashes: str = "sha256") -> str:
    lines = "".join(
        f'    {{ url = "https://files.example/{name}-{version}-{tag}.whl", hashes = {{ {hashes} = "{sha(tag)}" }} }},\n'
        for tag in tags
    )
    return f'version = "{version}"\nwheels = [\n{lines}]'


def read(text: str, *chosen: str) -> dict[str, Locked]:
    return pylock.read(HEAD + text, FILE, PYTHON, frozenset(chosen), Path("/work"))


def test_the_packages_of_the_image_are_taken_with_the_files_that_fit() -> None:
    linux, other = "cp311-cp311-manylinux_2_17_x86_64", "cp311-cp311-win_amd64"
    found = read(
        package("top", f'marker = "sys_platform == \'linux\'"\nindex = "{INDEX}"\n' + wheels("top", "1", linux, other))
        + package("top", "marker = \"sys_platform == 'win32'\"\n" + wheels("top", "2", "py3-none-any"))
        + package("far", wheels("far", "1", other, "cp312-cp312-macosx_11_0_arm64"))
        + package("more", "marker = \"'train' in extras\"\n" + wheels("more", "1", "py3-none-any"))
    )
    assert found["top"] == Locked(
        "top", "1", frozenset([sha(linux)]), named={f"top-1-{linux}.whl": sha(linux)}, place=INDEX
    )
    assert (found["far"].wheels, found["far"].sdists, found["far"].pin) == (frozenset(), frozenset(), "far==1")
    assert set(found) == {"top", "far"}
    assert "more" in read(
        package("more", "marker = \"'train' in extras\"\n" + wheels("more", "1", "py3-none-any")), "train"
    )


def test_what_comes_from_elsewhere_says_from_where() -> None:
    hashes = f'hashes = {{ sha256 = "{sha("x")}" }}'
    commit = "a" * 40
    found = read(
        package("fork", f'vcs = {{ type = "git", url = "{GIT}", commit-id = "{commit}", subdirectory = "py" }}')
        + package("here", 'directory = { path = "../here", editable = true }')
        + package("model", f'archive = {{ url = "https://x.example/model-3.8-py3-none-any.whl", {hashes} }}')
        + package("file", f'archive = {{ path = "file.zip", {hashes} }}')
        + package("src", f'version = "1"\nsdist = {{ url = "https://x.example/src-1.tar.gz", {hashes} }}')
        + package("bare", wheels("bare", "7", "py3-none-any").partition("\n")[2])
    )
    git, here, model = found["fork"], found["here"], found["model"]
    assert (git.kind, git.place, git.detail, git.subdirectory) == ("git", GIT, f"rev {commit}", "py")
    assert (here.kind, Path(here.place)) == ("path", Path("/here"))
    assert (model.kind, model.version, [*model.wheels]) == ("url", "3.8", [sha("x")])
    assert (found["file"].kind, found["file"].version) == ("path", "")
    assert ([*found["src"].sdists], [*found["src"].wheels]) == ([sha("x")], [])
    assert found["bare"].version == "7"


@pytest.mark.parametrize(
    ("text", "kind", "what", "fix"),
    [
        ("<<<<<<< ours\n", LockUnreadable, "isn't valid TOML", "Restore pylock.toml as it was before; or delete it"),
        (package("top", "version = 1"), LockUnreadable, "isn't a lock as PEP 751", "delete it"),
        ("packages = 3", LockUnreadable, "isn't a lock as PEP 751", "delete it"),
        ('requires-python = ">=3.12"\npackages = []', LockNotForImage, "is for Python >=3.12", "`python-version`"),
        ("environments = [\"sys_platform == 'darwin'\"]\npackages = []", LockNotForImage, "not for Python", "linux"),
        (package("top", wheels("top", "1", "py3-none-any", hashes="md5")), LockIncomplete, "top==1", "Lock again"),
        (package("a", wheels("a", "1", "py3-none-any")) * 2, LockNotForImage, "has a twice", "one version of a"),
    ],
)
def test_a_lock_that_is_no_good_says_why(text: str, kind: type[StepError], what: str, fix: str) -> None:
    with pytest.raises(kind, match=what) as caught:
        read(text)
    assert fix in caught.value.fix


def test_a_newer_format_is_said() -> None:
    with pytest.raises(LockUnreadable, match="newer format") as caught:
        pylock.read('lock-version = "2.0"\ncreated-by = "x"\npackages = []', FILE, PYTHON, frozenset(), Path())
    assert "newer amlwheel" in caught.value.fix


class Uv:
    """Takes the place of `uv export`: writes what it is told to, and remembers what it was asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Answer with one package, until `answers` has another answer for a word of the command."""
        self.asked: list[list[str]] = []
        self.answers: dict[str, str | process.Finished] = {"": package("top", wheels("top", "1", "py3-none-any"))}
        monkeypatch.setattr(process, "run", self.run)

    def run(self, command: list[str | Path], **_: object) -> process.Finished:
        words = list(map(str, command))
        self.asked.append(words)
        answer = next((each for key, each in self.answers.items() if key in words), self.answers[""])
        if isinstance(answer, str):
            Path(words[words.index("-o") + 1]).write_text(HEAD + answer)
            return process.Finished(0, "")
        return answer


@pytest.fixture
def uv(monkeypatch: pytest.MonkeyPatch) -> Uv:
    return Uv(monkeypatch)


def exported(folder: Path, *asked: Asked, text: str = UV, whole: bool = False) -> TeamLock:
    path = folder / "uv.lock"
    path.write_text(text)
    return uv_lock.read(path, LockFile("a/uv.lock", "uv lock"), asked or (Asked("acme-churn"),), PYTHON, whole=whole)


def test_uv_exports_its_lock_as_it_is(tmp_path: Path, uv: Uv) -> None:
    asked = Asked("acme-churn", frozenset(["train", "unknown"]), frozenset(["Dev"]))
    found = exported(tmp_path, asked, Asked("elsewhere"))
    (words,) = uv.asked
    assert {"--frozen", "--offline", "--no-cache", "--no-config", "--no-emit-workspace", "--no-default-groups"} <= {
        *words
    }
    assert words[-6:] == ["--package", "acme-churn", "--extra", "train", "--group", "Dev"]
    assert set(found.packages) == {"top"}
    assert [str(each) for each in found.requires["acme-churn"]][1:] == ['top[x]<2,>=1; extra == "train"']
    assert found.requires["acme-churn"][0].url == "editable"
    assert list(map(str, found.grouped or ())) == ["pytest>=8"]
    assert found.overrides == {"six"}
    assert found.again == "Run `uv lock` in a, and commit a/uv.lock."


def test_beside_requirements_the_whole_lock_counts_unless_its_extras_exclude_each_other(tmp_path: Path, uv: Uv) -> None:
    exported(tmp_path, whole=True)
    assert uv.asked[0][-3:] == ["--all-packages", "--all-extras", "--all-groups"]
    uv.answers["--all-extras"] = process.Finished(2, "error: Extras `a` and `b` are incompatible")
    assert set(exported(tmp_path, whole=True).packages) == {"top"}
    assert len(uv.asked) == 3


def test_two_packages_need_one_version(tmp_path: Path, uv: Uv) -> None:
    uv.answers["base"] = package("top", wheels("top", "2", "py3-none-any"))
    base = '\n[[package]]\nname = "base"\nversion = "1"\nsource = { virtual = "base" }\n'
    with pytest.raises(LockUnreadable, match="has top 1 for one of the packages, 2 for another"):
        exported(tmp_path, Asked("acme-churn"), Asked("base"), text=UV + base)


@pytest.mark.parametrize(
    ("text", "kind", "what"),
    [
        ("<<<<<<< ours\n" + UV, LockUnreadable, "isn't a lock of uv"),
        ("x = 1\n", LockUnreadable, "isn't a lock of uv"),
        (UV.replace("version = 1\n", "version = 2\n", 1), LockUnreadable, "has format 2, and the step knows format 1"),
        (UV.replace("acme-churn", "acme-other"), LockStale, "doesn't have acme-churn"),
    ],
)
def test_a_uv_lock_that_is_no_good_says_why(
    tmp_path: Path, uv: Uv, text: str, kind: type[StepError], what: str
) -> None:
    with pytest.raises(kind, match=what):
        exported(tmp_path, text=text)
    assert uv.asked == []


def test_what_uv_says_of_a_lock_is_passed_on(tmp_path: Path, uv: Uv) -> None:
    uv.answers[""] = process.Finished(2, "error: Failed to parse `uv.lock`")
    with pytest.raises(LockUnreadable, match=r"uv can't read a/uv\.lock") as caught:
        exported(tmp_path)
    assert "Failed to parse" in caught.value.details
    url = "https://files.example/a_b-2.0-py3-none-any.whl"
    uv.answers[""] = process.Finished(2, f"error: Failed to download `{url}` to compute missing hashes")
    with pytest.raises(LockIncomplete, match=r"no sha256 for a-b==2\.0") as bare:
        exported(tmp_path)
    assert bare.value.fix == "Run `uv lock --upgrade-package a-b==2.0` in a, and commit a/uv.lock."


def lock(folder: Path, name: str, text: str | bytes, **more: object) -> TeamLock:
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    around = Surroundings(folder, (".",), PYTHON, indexes=("https://public.example/simple",), **more)  # type: ignore[arg-type]
    return team_lock.read(folder / name, name, around, [Asked("acme-churn", frozenset(["train"]))], whole=False)


def test_each_kind_is_known_by_its_name(tmp_path: Path, uv: Uv) -> None:
    assert lock(tmp_path, "uv.lock", UV).command == "uv lock"
    extra = package("more", "marker = \"'train' in extras\"\n" + wheels("more", "1", "py3-none-any"))
    made = lock(tmp_path, "pylock.train.toml", HEAD.replace('"uv"', '"pdm"') + extra)
    assert (set(made.packages), made.command) == ({"more"}, "pdm export --format pylock")
    other = lock(tmp_path, "pylock.toml", HEAD.replace('"uv"', '"other"') + extra)
    assert other.again == "Lock again with the tool that made it, and commit pylock.toml."
    assert len(uv.asked) == 1


def test_the_lock_of_another_tool_says_how_it_is_exported(tmp_path: Path) -> None:
    with pytest.raises(LockUnreadable) as caught:
        lock(tmp_path, "poetry.lock", "")
    assert caught.value.fix.startswith("Run `poetry export --output requirements.lock`")


@pytest.mark.parametrize("name", ["uv.lock", "pylock.toml"])
def test_a_lock_is_a_text(tmp_path: Path, name: str) -> None:
    with pytest.raises(LockUnreadable, match="isn't a text in UTF-8"):
        lock(tmp_path, name, b"\xff\xfe")


def test_a_credential_in_an_address_is_never_shown(tmp_path: Path) -> None:
    with pytest.raises(LockHoldsCredential) as caught:
        lock(tmp_path, "pylock.toml", f'index = "https://me:{CANARY}@index.example/simple"')
    assert CANARY not in str(vars(caught.value))
    assert "https://***@index.example/simple" in caught.value.what


LIST = f"""\
# This file is autogenerated by pip-compile with Python 3.11
# by the following command:
#
#    pip-compile --generate-hashes --output-file=requirements.txt pyproject.toml
#
top[x]==1.0 ; python_version > "3" \\
    --hash=sha256:{sha("top")} \\
    --hash=sha256:{sha("other")}
win==1 ; sys_platform == "win32" --hash=sha256:{sha("win")}
tips @ https://x.example/tips-1-py3-none-any.whl --hash=sha256:{sha("tips")}
"""


def test_a_compiled_list_is_a_lock(tmp_path: Path) -> None:
    found = lock(tmp_path, "requirements.txt", LIST)
    both = frozenset([sha("top"), sha("other")])
    assert found.packages["top"] == Locked("top", "1.0", both, both)
    assert (found.packages["tips"].kind, [*found.packages["tips"].wheels]) == ("url", [sha("tips")])
    assert set(found.packages) == {"top", "tips"}
    assert found.again.startswith(
        "Run `pip-compile --generate-hashes --output-file=requirements.txt pyproject.toml`, and"
    )


def test_the_command_of_a_lock_is_one_that_looks_anew(tmp_path: Path) -> None:
    text = LIST.replace("pip-compile --generate-hashes", "uv export --frozen --locked --format pylock.toml --no-dev")
    found = lock(tmp_path, "requirements.txt", text)
    assert found.command == "uv export --format pylock.toml --no-dev --output-file=requirements.txt pyproject.toml"
    assert found.renewed("top==1") == found.again
    listed = lock(tmp_path, "requirements.txt", LIST)
    assert listed.renewed("top==1.0").startswith(f"Run `{listed.command} --upgrade-package top==1.0`")


def test_a_list_names_its_index_for_all_or_for_local_versions(tmp_path: Path) -> None:
    pin = f"top==1 --hash=sha256:{sha('top')}\n"
    assert lock(tmp_path, "a.txt", f"--index-url {INDEX}\n{pin}").packages["top"].place == INDEX
    local = lock(tmp_path, "a.txt", f"--extra-index-url {INDEX}\n{pin}torch==2+cpu --hash=sha256:{sha('torch')}\n")
    assert (local.packages["torch"].place, local.packages["top"].place) == (INDEX, "")
    with pytest.raises(NotTaken, match="another index"):
        lock(tmp_path, "a.txt", f"--extra-index-url {INDEX}\n{pin}")


def test_a_commit_in_a_list_is_built_from_source(tmp_path: Path) -> None:
    line = f"fork @ git+{GIT}@{'a' * 40}#subdirectory=py\n"
    found = lock(tmp_path, "a.txt", line, from_source=frozenset(["fork"])).packages["fork"]
    assert (found.kind, found.place, found.detail, found.subdirectory) == ("git", GIT, f"rev {'a' * 40}", "py")


def test_every_line_of_a_list_has_its_hash(tmp_path: Path) -> None:
    with pytest.raises(LockIncomplete, match="no sha256 for six"):
        lock(tmp_path, "a.txt", LIST + "six==1.16.0\n")
    with pytest.raises(LockUnreadable, match="has no package in it"):
        lock(tmp_path, "a.txt", "# nothing\n")

"""Requirements files as pip reads them: what is taken, and for each line that isn't its reason and its one fix."""

import codecs
from pathlib import Path

import pytest
from amlwheel.declared import files
from amlwheel.declared.surroundings import Surroundings
from amlwheel.errors.base import StepError
from amlwheel.errors.declared import NotTaken
from amlwheel.errors.inputs import BadInput
from amlwheel.model.declared import Declared
from amlwheel.model.environment import Python
from amlwheel.model.feed_spelling import parse_feed
from amlwheel.model.package_index import PackageIndex
from unit.parts import CANARY, FEED

SHA = "a" * 64
CPU = "https://download.pytorch.org/whl/cpu"
PUBLIC = "https://public.example/simple/"
COMMIT = "34b58831caabdd8a4862258b380f9e49fbfe1b54"
WHEEL = "https://x.example/a/tips-1.0-py3-none-any.whl"


def read(folder: Path, text: str, *packages: str, from_source: str = "") -> Declared:
    around = Surroundings(
        folder, packages or (".",), Python("3.11.13"), FEED, (PUBLIC,), frozenset(filter(None, [from_source]))
    )
    return files.read(text, (), around)


def refused(folder: Path, text: str, *packages: str) -> StepError:
    with pytest.raises(StepError) as caught:
        read(folder, text, *packages)
    assert CANARY not in caught.value.what + caught.value.fix + caught.value.cause
    return caught.value


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname="acme-r"\nversion="1"\n[dependency-groups]\n'
        'dev=["pytest>=8", {include-group="Lint"}]\nlint=["ruff"]\nbad=[{x=1}]\n'
    )
    return tmp_path


def test_lines_without_comments(tmp_path: Path) -> None:
    text = "torch>=2.4  # the net\n\n# only a comment\nlightgbm[scikit-learn]==4.5; python_version < '3.13'\n"
    assert [str(each) for each in read(tmp_path, text).requirements] == [
        "torch>=2.4",
        'lightgbm[scikit-learn]==4.5; python_version < "3.13"',
    ]
    assert read(tmp_path, "") == Declared()


def test_files_are_relative_to_the_file_that_names_them(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "all.txt").write_text("pandas\n-r sub/base.txt\n-csub/c.txt\n")
    (tmp_path / "sub/base.txt").write_text("scipy\n--requirement=more.txt\n")
    (tmp_path / "sub/more.txt").write_text("# nothing\n\\\nidna\n")
    (tmp_path / "sub/c.txt").write_text("numpy<2\n-r more.txt\n")
    found = read(tmp_path, "all.txt\n--requirement sub/more.txt")
    assert [each.name for each in found.requirements] == ["pandas", "scipy", "idna", "idna", "idna"]
    assert [str(each) for each in found.constraints] == ["numpy<2"]


def test_a_file_that_is_missing_or_leads_back_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="which doesn't exist"):  # as a package, anybody could own that name
        read(tmp_path, "no-such.txt")
    (tmp_path / "a.txt").write_text("-r b.txt\n")
    (tmp_path / "b.txt").write_text("x\n-r a.txt\n-r nowhere.txt\n-r https://x.example/r.txt\nbase.txt\n")
    told = refused(tmp_path, "a.txt")
    assert "4 problems" in told.what
    back, missing, far, name = (each.what for each in told.errors)  # type: ignore[attr-defined]
    assert "b.txt:2: a.txt leads back to itself" in back
    assert "b.txt:3 names the file" in missing
    assert "list at an address" in far
    assert "'base.txt' is read by pip as the name of a package" in name
    assert told.errors[3].fix == "Write -r base.txt"  # type: ignore[attr-defined]
    assert "leads back" in refused(tmp_path, "-r a.txt").errors[0].what  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "data",
    [
        codecs.BOM_UTF8 + "torch # é".encode(),
        "torch # é".encode("utf-16"),
        "# -*- coding: latin-1 -*-\ntorch # é".encode("latin-1"),
    ],
)
def test_a_files_encoding_is_found_as_pip_finds_it(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "more.txt").write_bytes(data)
    assert [each.name for each in read(tmp_path, "more.txt").requirements] == ["torch"]


@pytest.mark.parametrize(
    "data",
    [
        "torch # é".encode("latin-1"),
        b"-r o\0ther.txt",
        b"# coding: undefined\ntorch",
        b"# coding: punycode\ntorch-\xff",
        b"# coding: unicode_escape\ntorch\\ud800",
    ],
)
def test_another_encoding_is_said(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "more.txt").write_bytes(data)
    assert "isn't a text file in UTF-8" in refused(tmp_path, "more.txt").what


def test_a_line_goes_on_behind_a_backslash_until_a_comment(tmp_path: Path) -> None:
    text = "idna \\\n  ==3.10\nnumpy \\\n# a comment ends it\nscipy\\"
    assert [str(each) for each in read(tmp_path, text).requirements] == ["idna==3.10", "numpy", "scipy"]


def test_a_long_line_is_no_file(tmp_path: Path) -> None:
    line = f"torch; platform_version == '{'x' * 400}'"
    assert [each.name for each in read(tmp_path, line).requirements] == ["torch"]
    (tmp_path / "all.txt").write_text(f"{chr(0xFFFD) * 99}/x\n", "utf-8")  # too long for the name of a folder
    assert isinstance(refused(tmp_path, "all.txt"), StepError)


def test_hashed_lines_are_kept_with_every_hash(tmp_path: Path) -> None:
    text = f"--require-hashes\nidna==3.10 \\\n --hash=sha256:{SHA} \\\n --hash=sha256:{'B' * 64}\n{WHEEL}#sha256={SHA}"
    first, second = read(tmp_path, text).hashed
    assert (str(first.requirement), first.sha256) == ("idna==3.10", frozenset([SHA, "b" * 64]))
    assert (second.requirement.url, second.sha256) == (WHEEL, frozenset([SHA]))


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (f"idna>=3 --hash=sha256:{SHA}", "has hashes, but no exact version"),
        ("idna==3 --hash=sha512:00", "declared by sha512"),
        ("idna==3 --hash=sha256:00", "has a hash that is no sha256"),
        ("--require-hashes\nidna==3", "idna==3 has no hash, but the list has --require-hashes"),
    ],
)
def test_a_hash_that_could_not_be_held_is_refused(tmp_path: Path, line: str, told: str) -> None:
    assert told in refused(tmp_path, line).what


# --- our own package


def test_our_own_package_its_extras_and_groups(project: Path) -> None:
    (project / "lists").mkdir()
    (project / "lists/r.txt").write_text("-e .\n.[Train,x_y]\n.:dev\n./pyproject.toml:lint\n--group dev\n")
    found = read(project, "lists/r.txt\n--group ./pyproject.toml:lint\n-e file:.")
    assert found.extras == {".": {"train", "x-y"}}
    assert found.groups == {".": {"dev", "lint"}}
    assert [str(each) for each in found.requirements] == ["pytest>=8", "ruff", "ruff", "pytest>=8", "ruff", "ruff"]
    assert "lists/r.txt:1: -e . is our own package" in found.notes[0]


def test_a_list_is_read_as_if_pip_ran_in_the_project(project: Path, tmp_path: Path) -> None:
    (tmp_path / "above.txt").write_text("-e .\n")
    assert read(project.parent, str(tmp_path / "above.txt"), project.name).extras == {project.name: frozenset()}


@pytest.mark.parametrize(
    "line",
    [
        f"-e git+https://github.com/acme/acme_r@{COMMIT}#egg=acme_r",
        "acme-r @ file:///home/me/acme-r",
    ],
)
def test_pip_freeze_names_our_own_package_by_where_it_was(project: Path, line: str) -> None:
    around = Surroundings(project, (".",), Python("3.11.13"), names={"acme-r": "."})
    found = files.read(line, (), around)
    assert found.requirements == ()
    assert "is our own package, which is in already" in found.notes[0]
    assert files.read(f"acme.r[Train] @ git+https://x.example/r@{COMMIT}", (), around).extras == {".": {"train"}}


def test_a_group_that_is_unknown_or_broken(project: Path, tmp_path: Path) -> None:
    assert refused(project, ".:devv").fix == "Did you mean .:dev?"
    assert "it has bad, dev, lint" in refused(project, ".:qqqqqq").what
    assert "Invalid dependency group item" in refused(project, ".:bad").what
    (tmp_path / "setup").mkdir()
    (tmp_path / "setup/setup.py").touch()
    assert "it has none" in refused(tmp_path, "./setup:dev", "setup").what
    (tmp_path / "setup/pyproject.toml").write_text("dependency-groups = 3")
    assert "it has none" in refused(tmp_path, "./setup:dev", "setup").what


def test_another_folder_names_package_dir(project: Path) -> None:
    (project / "common").mkdir()
    (project / "common/setup.py").touch()
    assert refused(project, "-e ./common").fix.endswith("`package-dir`, one a line: ., common")
    assert "there is no folder './nowhere'" in refused(project, "./nowhere").what
    assert "isn't a path that pip knows" in refused(project, "./a]b").what


# --- what an image can't get


@pytest.mark.parametrize(
    ("line", "fix"),
    [
        ("--no-binary=:all:", "Take the line out, and release by another `route` if a package has no wheel: all"),
        (
            f"tip @ git+https://github.com/acme/tip@{COMMIT}",
            "Require a release of tip that has a wheel, or release by another `route`, where `from-source` builds it.",
        ),
    ],
)
def test_images_that_build_a_commit_alone_are_not_advised_to_build_more(tmp_path: Path, line: str, fix: str) -> None:
    with pytest.raises(NotTaken) as caught:
        files.read(line, (), Surroundings(tmp_path, (), Python("3.11.13"), from_commit=True))
    assert caught.value.fix == fix


@pytest.mark.parametrize(
    ("line", "told", "fix"),
    [
        ("--no-binary deepspeed,foo", "built from source", "`from-source`, one name a line: deepspeed, foo"),
        ("--no-binary=:all:", "built from source", "one name a line: all"),
        ("--find-links wheels/", "--find-links isn't taken", "Publish the wheels that lie there"),
        ("-f https://x.example/whl.html", "--find-links isn't taken", "name each wheel that is meant"),
        ("numpy @ file:///croot/numpy_1/work", "a path of the machine on which", "Write numpy==VERSION"),
        ("./lists", "has neither pyproject.toml nor setup.py", "-r ./lists/FILE"),
        ("--pre", "--pre isn't taken", "name the pre-release"),
        ("--no-index", "--no-index isn't taken", "`index` says"),
        ("--trusted-host x", "--trusted-host isn't taken", "REQUESTS_CA_BUNDLE"),
        ("--foo bar", "no such option: --foo", "Correct the line"),
        ("-r 'a", "No closing quotation", "Correct the line"),
        ("--pre x", "unexpected 'x' behind an option", "Correct the line"),
        ("x --config-settings a=b", "--config-settings isn't taken", "Take the option out."),
        ("x --index-url https://x.example/", "pip ignores the index behind 'x'", "`package-indexes`"),
        ("x --pre", "--pre isn't taken", "name the pre-release"),
        ("x --require-hashes", "--require-hashes isn't taken", "a line of its own"),
        ("torch=>2", "'torch=>2' isn't a requirement", "PEP 508|one requirement a line"),
        ("./vendor/tips-1.0-py3-none-any.whl", "a file beside the list", "write tips==1.0 in its place"),
        ("tips @ file:///x/tips-1.0-py3-none-any.whl", "a file beside the list", "write tips==1.0"),
        (r"C:\w\tips-1.0.zip", "a file beside the list", "write NAME==VERSION"),
        (
            "https://x.example/tips-1.0.tar.gz",
            "is an sdist",
            "publish it to the feed, and write tips==1.0",
        ),
        ("https://x.example/main.zip", "is an sdist", "write NAME==VERSION in its place"),
        ("https://x.example/main.exe", "isn't the address of a wheel", "write NAME==VERSION"),
        (f"tips @ {WHEEL.replace('https', 'http')}", "isn't an https address", "write tips==1.0 in place"),
        (f"other @ {WHEEL}", "the address of other is that of tips-1.0", "Correct the name or the address"),
        (f"https://{CANARY}@x.example/tips-1.0-py3-none-any.whl", "https://x.example/…/tips", "write tips==1.0"),
        ("https://[x/tips-1.0-py3-none-any.whl", "what is required isn't an https address", "write NAME==VERSION"),
        ("--index-url https://[x", "isn't an https address", "the feed"),
        ("tips @ https://[x/tips-1.0-py3-none-any.whl", "isn't an https address", "write NAME==VERSION"),
        ("https://x.example/tips-1.0-py3-none-any.whl#sha256=0 0", "isn't a requirement", "one requirement a line"),
        ("https://x.example/tips-1.0-py3-none-any.whl ; python>3", "isn't a requirement", "one requirement a line"),
        (f"{WHEEL}?sig={CANARY}", "has a credential or a query", "write tips==1.0"),
        ("git+https://github.com/acme/thing.git@main#egg=thing", "has to be built", "thing.git@COMMIT and add to"),
        (f"thing @ git+https://x@github.com/a/b@{COMMIT}", "has to be built", f"***@github.com/a/b@{COMMIT} and"),
        (
            "-e git+ssh://git@github.com/acme/thing#subdirectory=x",
            "has to be",
            "+https://github.com/acme/thing@COMMIT#",
        ),
        ("${TOKEN}x", "holds the variable TOKEN", "`feed-token`"),
        (f"-c c.txt\n--extra-index-url http://{CANARY}@x.example/", "isn't an https address", "the feed"),
    ],
)
def test_a_line_that_is_not_taken(tmp_path: Path, line: str, told: str, fix: str) -> None:
    (tmp_path / "c.txt").touch()
    (tmp_path / "lists").mkdir()
    error = refused(tmp_path, line)
    assert isinstance(error, NotTaken)
    assert told in error.what
    assert any(each in error.fix for each in fix.split("|"))


def test_all_lines_that_are_not_taken_are_told_at_once(tmp_path: Path) -> None:
    told = refused(tmp_path, "torch\n--pre\n./x.whl\nnumpy")
    assert [each.code for each in told.errors] == ["AW107", "AW107"]  # type: ignore[attr-defined]


def test_a_constraint_has_no_extras_and_no_address(tmp_path: Path) -> None:
    (tmp_path / "c.txt").write_text(f"numpy<2\npandas[x]<2\ntips @ {WHEEL}\n")
    assert "2 problems" in refused(tmp_path, "-c c.txt").what


def test_what_is_meant_anyway_says_nothing(tmp_path: Path) -> None:
    text = "--only-binary :all:\n--prefer-binary\n--no-binary :none:\ntorch"
    assert [each.name for each in read(tmp_path, text).requirements] == ["torch"]


def test_a_commit_is_taken_where_the_package_may_be_built(tmp_path: Path) -> None:
    line = f"git+https://github.com/acme/Thing.git@{COMMIT}#egg=Thing&subdirectory=x"
    (found,) = read(tmp_path, line, from_source="thing").commits
    assert str(found) == f"thing @ git+https://github.com/acme/Thing.git@{COMMIT}#subdirectory=x"
    assert read(tmp_path, line, from_source="all").commits == (found,)


def test_wheels_by_address(tmp_path: Path) -> None:
    found = read(tmp_path, f"{WHEEL} ; python_version > '3'\nother @ {WHEEL.replace('tips', 'other')}").requirements
    assert [str(each) for each in found] == [
        f'tips @ {WHEEL} ; python_version > "3"',
        f"other @ {WHEEL.replace('tips', 'other')}",
    ]


# --- indexes


@pytest.mark.parametrize(
    "line",
    [
        f"-i {PUBLIC.rstrip('/')}",
        f"--extra-index-url {FEED.index_url}",
        f"--extra-index-url https://me:{CANARY}@pkgs.dev.azure.com/acme/ml/_packaging/wheels/pypi/simple/",
        "--extra-index-url https://me:${PAT}@pkgs.dev.azure.com/acme/ml/_packaging/wheels/pypi/simple",
        "--extra-index-url https://acme.pkgs.visualstudio.com/ml/_packaging/wheels@Release/pypi/simple/",
    ],
)
def test_an_index_that_is_in_use_is_taken_whatever_its_spelling(tmp_path: Path, line: str) -> None:
    assert read(tmp_path, f"{line}\ntorch").indexes == ()


def test_a_feed_that_takes_the_place_of_the_public_index_is_told(tmp_path: Path) -> None:
    assert "public packages come from" in read(tmp_path, f"--index-url {FEED.index_url}").notes[0]
    only = Surroundings(tmp_path, (".",), Python("3.11.13"), FEED, feed_only=True)
    assert files.read(f"--index-url {FEED.index_url}", (), only).notes == ()


def test_the_index_of_local_versions_answers_for_them_alone(tmp_path: Path) -> None:
    cu = "https://download.pytorch.org/whl/cu118"
    found = read(tmp_path, f"--extra-index-url {cu}\ntorch==2.4.1+cu118\nnumpy")
    assert found.indexes == (PackageIndex(cu, frozenset(["torch"])),)
    (tmp_path / "c.txt").write_text("torchvision==0.19.1+cu118\n")
    found = read(tmp_path, f"--index-url {cu}\n-c c.txt\ntorch===2.4.1+cu118\n{WHEEL}")
    assert found.indexes == (PackageIndex(cu, frozenset(["torch", "torchvision"])),)


@pytest.mark.parametrize(
    ("lines", "fix"),
    [
        (
            "--extra-index-url https://a.example/s\nNum_py\ntorch\nw; os_name == 'nt'",
            "`package-indexes`: https://a.example/s num-py torch",
        ),
        ("--index-url https://a.example/s\nnumpy\ntorch==1+cpu", "`package-indexes`: https://a.example/s numpy torch"),
        (f"--index-url https://{CANARY}@a.example/s", "`package-indexes`: https://a.example/s NAME"),
        (f"--extra-index-url {CPU}\nnumpy\ntorch\ntorchvision", f"`package-indexes`: {CPU} torch torchvision"),
    ],
)
def test_another_index_is_refused_with_the_line_to_write(tmp_path: Path, lines: str, fix: str) -> None:
    assert refused(tmp_path, lines).fix.endswith(fix)


def test_two_other_indexes_could_answer_for_one_another(tmp_path: Path) -> None:
    told = refused(tmp_path, "--extra-index-url https://a.example\n--extra-index-url https://b.example\ntorch==1+cpu")
    assert [each.fix.rpartition("`: ")[2] for each in told.errors] == [  # type: ignore[attr-defined]
        "https://a.example torch",
        "https://b.example torch",
    ]


def test_without_a_feed_no_index_is_one(tmp_path: Path) -> None:
    assert not Surroundings(tmp_path, (".",), Python("3.11.13")).known(FEED.index_url)
    other = parse_feed("acme/ml/other")
    assert not Surroundings(tmp_path, (".",), Python("3.11.13"), other).known(FEED.index_url)

"""A wheel is refused for what pip refuses, and for what two readers of its archive would read differently."""

import csv
import io
import stat
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from amlwheel.build import archive, wheel
from amlwheel.errors.build import BadWheel
from pip._internal.exceptions import InstallationError, UnsupportedWheel
from pip._internal.models.scheme import Scheme
from pip._internal.operations.install.wheel import install_wheel
from unit.parts import WHEEL_FILE, recorded_hash

NAME = "acme-1.0-py3-none-any.whl"
INFO = "acme-1.0.dist-info"
GOOD = {
    "acme/__init__.py": b"",
    f"{INFO}/METADATA": b"Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n",
    f"{INFO}/WHEEL": WHEEL_FILE.encode(),
}
Files = Mapping[str, bytes | None]
Rows = Callable[[list[list[str]]], list[list[str]]]


def rows_of(files: Files) -> list[list[str]]:
    return [
        [name, recorded_hash(content), str(len(content))]
        for name, content in files.items()
        if content is not None and not name.endswith("/")
    ]


def write(folder: Path, more: Files | None = None, rows: Rows = list, items: tuple[zipfile.ZipInfo, ...] = ()) -> Path:
    """Write the wheel with `more` files (None takes one away), and a RECORD that fits but for what `rows` changes."""
    files = {name: content for name, content in {**GOOD, **(more or {})}.items() if content is not None}
    record = io.StringIO()
    csv.writer(record, lineterminator="\n").writerows(rows([*rows_of(files), [f"{INFO}/RECORD", "", ""]]))
    path = folder / NAME
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in files.items():
            target.writestr(name, content)
        for item in items:
            target.writestr(item, "x")
        target.writestr(f"{INFO}/RECORD", record.getvalue())
    return path


def by_pip(path: Path, into: Path) -> None:
    """Install a wheel as pip does."""
    scheme = Scheme(*(str(into / each) for each in ("lib", "lib", "include", "bin", "data")))
    install_wheel("acme", str(path), scheme, "acme", pycompile=False)


def test_what_pip_takes_is_taken(tmp_path: Path) -> None:
    files: Files = {
        "acme/": b"",
        "acme/deep/data.bin": b"\0" * 5000,
        "acme-1.0.data/scripts/run": b"#!python\n",
        "acme-1.0.data/data/etc/acme.toml": b"",
        f"{INFO}/entry_points.txt": b"[console_scripts]\nrun = acme.main:cli.run [fast]\n\n[acme.plugins]\nx = acme\n",
        f"{INFO}/licenses/LICENSE": b"free",
    }
    path = write(tmp_path, files, lambda rows: [*rows, ["acme/", "", ""]])
    assert wheel.inspect(path).modules == ("acme",)
    by_pip(path, tmp_path / "site")


def linked() -> tuple[zipfile.ZipInfo, ...]:
    item = zipfile.ZipInfo("acme/link")
    item.external_attr = (stat.S_IFLNK | 0o777) << 16
    return (item,)


@pytest.mark.parametrize(
    "name",
    [
        "/etc/cron.d/x",
        "../outside.py",
        "acme/../../outside.py",
        "acme/x/..",
        "C:/x.py",
        "c:x.py",
        "acme\\x.py",
        "acme//x.py",
        "./acme/x.py",
        "acme/x\n.py",
        "acme/__init__.py/x.py",
        "ACME/__INIT__.py",
        "acme-1.0.data/evil/x",
        "acme-1.0.data/x",
        "other.data/evil/x",
        "other-1.0.dist-info/METADATA",
        "Acme-1.0.dist-info/METADATA",
    ],
)
def test_a_file_in_a_place_that_is_no_package_s_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadWheel) as caught:
        wheel.inspect(write(tmp_path, {name: b"x"}))
    assert repr(name) in caught.value.what or "dist-info" in caught.value.what
    assert (caught.value.cause, caught.value.fix) != (BadWheel.cause, BadWheel.fix)


def test_what_zipfile_hides_is_seen(tmp_path: Path) -> None:
    path = write(tmp_path, {"acme/x.py?hidden": b"x"})
    path.write_bytes(path.read_bytes().replace(b"acme/x.py?", b"acme/x.py\0"))
    with pytest.raises(BadWheel, match=r"x.py\\x00hidden"):
        wheel.inspect(path)


def test_links_and_doubles_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadWheel, match="'acme/link'"):
        wheel.inspect(write(tmp_path, items=linked()))
    with pytest.warns(UserWarning, match="Duplicate name"):
        path = write(tmp_path, items=(zipfile.ZipInfo("acme/__init__.py"),))
    with pytest.raises(BadWheel, match=r"holds 'acme/__init__\.py' twice"):
        wheel.inspect(path)


def without(name: str) -> Rows:
    return lambda rows: [row for row in rows if row[0] != name]


def changed(name: str, digest: str) -> Rows:
    return lambda rows: [[row[0], digest, row[2]] if row[0] == name else row for row in rows]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (without("acme/__init__.py"), "doesn't list 'acme/__init__.py'"),
        (changed("acme/__init__.py", "sha256=" + "A" * 43), "another hash of 'acme/__init__.py'"),
        (changed("acme/__init__.py", "md5=1B2M2Y8AsgTpgAmY7PhCfg"), "no sha256 of 'acme/__init__.py'"),
        (changed("acme/__init__.py", ""), "no sha256 of 'acme/__init__.py'"),
        (lambda rows: [*rows, ["acme/gone.py", "sha256=x", "1"]], "lists 'acme/gone.py', which isn't there"),
        (lambda rows: [*rows, rows[0]], "lists 'acme/__init__.py' twice"),
        (lambda rows: [*rows, []], "can't be read"),
        (lambda rows: [*rows, ["x" * 140_000, "", ""]], "can't be read"),
    ],
)
def test_a_record_has_to_fit(tmp_path: Path, rows: Rows, said: str) -> None:
    with pytest.raises(BadWheel, match="RECORD") as caught:
        wheel.inspect(write(tmp_path, rows=rows))
    assert said in caught.value.what
    assert "RECORD" in caught.value.cause


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({f"{INFO}/WHEEL": None}, "no WHEEL"),
        ({f"{INFO}/METADATA": None}, "no METADATA"),
        ({f"{INFO}/WHEEL": b"Generator: x\n"}, "Wheel-Version"),
        ({f"{INFO}/WHEEL": b"Wheel-Version: one\n"}, "Wheel-Version"),
        ({f"{INFO}/WHEEL": b"Wheel-Version: 2.0\n"}, "Wheel-Version"),
        ({f"{INFO}/WHEEL": b"\xff"}, "WHEEL"),
        ({f"{INFO}/WHEEL": WHEEL_FILE.encode() + b"\xff"}, "WHEEL"),
        ({f"{INFO}/entry_points.txt": b"[console_scripts]\nrun = acme.main\n"}, "'run'"),
        ({f"{INFO}/entry_points.txt": b"[gui_scripts]\n../run = acme:main\n"}, "'../run'"),
        ({f"{INFO}/entry_points.txt": b"run = acme:main\n"}, "entry_points.txt"),
    ],
)
def test_what_pip_wants_of_the_metadata(tmp_path: Path, files: Files, said: str) -> None:
    with pytest.raises(BadWheel) as caught:
        wheel.inspect(write(tmp_path, files))
    assert said in caught.value.what


def test_no_record_at_all(tmp_path: Path) -> None:
    path = write(tmp_path)
    data = path.read_bytes().replace(f"{INFO}/RECORD".encode(), f"{INFO}/RECARD".encode())
    path.write_bytes(data)
    with pytest.raises(BadWheel, match="no RECORD"):
        wheel.inspect(path)


def test_metadata_have_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "LARGEST_METADATA", 100)
    with pytest.raises(BadWheel, match=r"METADATA of acme-\S+ has 155 bytes"):
        wheel.inspect(
            write(tmp_path, {f"{INFO}/METADATA": GOOD[f"{INFO}/METADATA"] + b"Summary: " + b"x" * 99 + b"\n"})
        )


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadWheel, match="times") as caught:
        wheel.inspect(write(tmp_path, {"acme/bomb": b"\0" * (archive.SMALL + 1)}))
    assert "unpack" in caught.value.cause
    monkeypatch.setattr(archive, "MOST", 2000)
    with pytest.raises(BadWheel, match="2000"):
        wheel.inspect(write(tmp_path, {"acme/bomb": b"\0" * 2001}))


@pytest.mark.parametrize(
    ("files", "rows"),
    [
        ({"../outside.py": b""}, list),
        ({"/outside.py": b""}, list),
        ({"acme-1.0.data/evil/x": b""}, list),
        ({"acme-1.0.data/x": b""}, list),
        ({"other-1.0.dist-info/METADATA": b""}, list),
        ({f"{INFO}/WHEEL": None}, list),
        ({}, lambda rows: [*rows, []]),
        ({f"{INFO}/WHEEL": b"Wheel-Version: 2.0\n"}, list),
        ({f"{INFO}/entry_points.txt": b"[console_scripts]\nrun = acme.main\n"}, list),
        ({f"{INFO}/entry_points.txt": b"[console_scripts]\n../run = acme:main\n"}, list),
    ],
)
def test_pip_itself_refuses_these(tmp_path: Path, files: Files, rows: Rows) -> None:
    with pytest.raises((InstallationError, UnsupportedWheel, IndexError)):
        by_pip(write(tmp_path, files, rows), tmp_path / "site" / "deep")

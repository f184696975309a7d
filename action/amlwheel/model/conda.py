"""Conda packages of an environment, and how conda spells them."""

import re
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version

from ..errors.declared import CondaNotExact

# Names of conda-forge whose package on PyPI is the same project, under the same name and with wheels: those of
# prefix-dev/parselmouth (files/v0/conda-forge/compressed_mapping.json, read on 2026-11-28) that Azure ML's files have,
# and their like. A name that isn't here may be another project on PyPI, or none.
SAME_ON_PYPI = frozenset(
    """
    absl-py accelerate aiohttp applicationinsights azure-core azure-identity azure-storage-blob
    azure-storage-file-datalake beautifulsoup4 black bokeh boto3 botocore catboost cffi click cloudpickle
    cryptography cython dask datasets einops evaluate fastapi fiona flake8 flask fsspec future gensim geopandas
    gitpython gunicorn h5py hdbscan holidays httpx huggingface_hub hyperopt imbalanced-learn ipykernel ipython
    ipywidgets jinja2 joblib jupyter jupyterlab keras librosa lightgbm lightning lxml markdown matplotlib mlflow
    networkx nltk notebook numba numexpr numpy openai openpyxl opt_einsum optuna packaging pandas pandas-profiling
    patsy pdf2image peft pillow plotly pmdarima polars prophet protobuf psutil psycopg2 pyarrow pycocotools pydantic
    pydocstyle pydot pyodbc pyopenssl pyproj pyspark pytesseract pytest pytest-cov pytest-xdist python-dateutil
    python-dotenv pytorch-lightning pytz pywavelets pyyaml rasterio rdkit regex requests ruamel.yaml ruff
    scikit-image scikit-learn scipy seaborn sentence-transformers sentencepiece setuptools shap shapely six spacy
    sqlalchemy statsmodels sympy tabulate tensorboard tensorflow threadpoolctl tiktoken timm tokenizers toml tqdm
    transformers typing_extensions umap-learn urllib3 uvicorn wandb wheel xarray xgboost xlrd
    """.split()
)
# Those that have another name there, or that only require one which has.
NAMED_ON_PYPI = {
    "dask-core": "dask",
    "matplotlib-base": "matplotlib",
    "msgpack-python": "msgpack",
    "opencv": "opencv-python-headless",
    "py-opencv": "opencv-python-headless",
    "py-xgboost": "xgboost",
    "pysoundfile": "soundfile",
    "pytables": "tables",
    "python-graphviz": "graphviz",
    "pytorch": "torch",
    "pytorch-cpu": "torch",
    "pytorch-gpu": "torch",
    "tensorflow-cpu": "tensorflow",
    "tensorflow-gpu": "tensorflow",
    "typing-extensions": "typing_extensions",
}
CHANNELS = ("conda-forge", "nodefaults")
_PARTS = 3  # `=6.1` is any 6.1.x to conda; a third part is a whole version, as nearly all packages count them


@dataclass(frozen=True)
class Package:
    """One package in conda's spelling (a match spec); `text` is as the user wrote it."""

    text: str
    name: str
    range: str
    version: str = ""
    build: str = ""

    @classmethod
    def parse(cls, text: str) -> "Package":
        """Read `[CHANNEL::]NAME[RANGE]`, as conda's own files have it; raise CondaNotExact for another spelling."""
        match = re.fullmatch(r"(?:[\w./-]+::)?(?P<name>\w[\w.-]*?)\s*(?P<range>[=<>!~\s].*)?", text.strip(), re.ASCII)
        if not match:
            raise CondaNotExact(
                f"{text.strip()[:100]!r} isn't a conda package as NAME=VERSION[=BUILD].",
                fix="Write it there as NAME=MAJOR.MINOR.PATCH, NAME==VERSION or NAME=VERSION=BUILD.",
            )
        found = (match["range"] or "").strip()  # without a sign, as in `tk 8.6` and `tk 8.6 h1`, conda means that one
        whole = re.fullmatch(r"(==?|)\s*([0-9a-z_.+!]*\d[0-9a-z_.+!]*)(?:(?:=|\s+)([\w.]+))?", found, re.ASCII)
        exact = whole and (whole[3] or whole[1] != "=" or whole[2].count(".") >= _PARTS - 1)
        more = (whole[2], whole[3] or "") if whole and exact else ()
        return cls(text.strip(), match["name"].lower(), found, *more)

    @property
    def exact(self) -> bool:
        """Whether it names one version: with a build, with `==`, or with three parts."""
        return bool(self.version)

    @property
    def on_pypi(self) -> str:
        """Its name on PyPI; empty when it is none of the Python packages that are known to be the same there."""
        return self.name if self.name in SAME_ON_PYPI else NAMED_ON_PYPI.get(self.name, "")

    def allows(self, other: "Package") -> bool:
        """Tell whether the exact version of `other` lies in this package's range."""
        if self.exact:
            return (self.version, self.build) in ((other.version, other.build), (other.version, ""))
        versions, build = self.parts
        either = (replace(self, range=each.strip()) for each in versions.split("|"))
        return fnmatchcase(other.build, build or "*") and any(each.holds(other.version) for each in either)

    def holds(self, version: str) -> bool:
        """Tell whether a version lies in a range without `|` and build."""
        try:
            return SpecifierSet(self.specifier).contains(Version(version), prereleases=True)
        except (CondaNotExact, ValueError):  # a version or range that isn't Python's
            return version.startswith(self.range.strip("=* "))

    @property
    def parts(self) -> tuple[str, str]:
        """Its range of versions, and the pattern of builds behind it (`=4.1.6=*_external`)."""
        both = re.fullmatch(r"(.*[\w.*])=([\w.*]+)", self.range)
        return (both[1], both[2]) if both else (self.range, "")

    @property
    def specifier(self) -> str:
        """Its range in Python's spelling (PEP 440): `=1.26` becomes `==1.26.*`. Raises CondaNotExact for others."""
        spelled = re.sub(r"^=?\s*(\d[\w.]*?)(\.?\*)?$", r"==\1.*", self.range) if self.range else ""
        try:
            return str(SpecifierSet(spelled))
        except InvalidSpecifier:
            raise CondaNotExact(f"{self.text!r} has a range that Python doesn't spell.") from None


@dataclass(frozen=True)
class Conda:
    """The conda packages of an environment beside python and pip, in order, and the channels that they come from."""

    packages: tuple[Package, ...] = ()
    channels: tuple[str, ...] = CHANNELS

    @property
    def lines(self) -> tuple[str, ...]:
        """The packages as they stand in a spec."""
        return tuple(each.text for each in self.packages)

    @property
    def names(self) -> frozenset[str]:
        """The names of the packages."""
        return frozenset(each.name for each in self.packages)


NO_CONDA = Conda()


def exact(text: str) -> Package:
    """Read a package with an exact version; raise CondaNotExact for any other, and for Python and pip."""
    package = Package.parse(text)
    if package.name in ("python", "pip"):
        other = "`python-version` says which Python" if package.name == "python" else "the step brings its own pip"
        raise CondaNotExact(
            f"{package.text!r} doesn't belong in `conda`: {other}.",
            cause="Every environment has a Python and a pip, each in one exact version.",
            fix=f"Take {package.text} out of `conda`.",
        )
    if not package.exact:
        raise not_exact(package)
    return package


def _pip(name: str, package: Package) -> str:
    """Return the requirement with the range of a conda package; its name alone where Python spells no such range."""
    try:
        return f"{name}{package.specifier}"
    except CondaNotExact:
        return name


def not_exact(package: Package) -> CondaNotExact:
    """Return the error for a package without an exact version."""
    named = NAMED_ON_PYPI.get(package.name)
    if named:
        return CondaNotExact(
            f"{package.text!r} has no exact version.",
            fix=f"Its name on PyPI is {named}: take {package.text} out, and write {_pip(named, package)} in its place.",
        )
    if package.parts[1]:
        return CondaNotExact(
            f"{package.text!r} names no single build.",
            fix=(
                f"Choose a build that conda search '{package.text}' shows, and add it to `conda`: "
                f"{package.name}=VERSION=BUILD with the version and build that stand there."
            ),
        )
    known = re.match(r"={1,2}\s*([\d.]*\d)", package.range)
    parts = [*(known[1].split(".") if known else ()), "X", "Y", "Z"][:_PARTS]
    search = f"conda search -c conda-forge {package.name}{known[0] if known else ''}"
    return CondaNotExact(
        f"{package.text!r} names no single version.",
        fix=(
            f"Choose a version that {search} shows, and add it to `conda`: {package.name}={'.'.join(parts)} with the "
            "numbers in place of letters. It then takes the place of the range."
        ),
    )

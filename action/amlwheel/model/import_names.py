"""Which package has a module, where their names differ."""

# Of packages that are often used; names of modules and packages as PyPI's projects document them.
_PACKAGES = {
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "Crypto": "pycryptodome",
    "cv2": "opencv-python-headless",
    "dateutil": "python-dateutil",
    "docx": "python-docx",
    "dotenv": "python-dotenv",
    "faiss": "faiss-cpu",
    "fitz": "PyMuPDF",
    "git": "GitPython",
    "jose": "python-jose",
    "jwt": "PyJWT",
    "magic": "python-magic",
    "MySQLdb": "mysqlclient",
    "OpenSSL": "pyOpenSSL",
    "PIL": "Pillow",
    "pkg_resources": "setuptools<81",
    "psycopg2": "psycopg2-binary",
    "pytorch_lightning": "pytorch-lightning",
    "serial": "pyserial",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "umap": "umap-learn",
    "win32api": "pywin32",
    "yaml": "PyYAML",
    "zmq": "pyzmq",
}
_SHARED = ("azure", "google")  # many packages fill these folders, each with a part of its own


def package_of(module: str) -> str:
    """Return the name of the package that most likely has `module`, or words for it."""
    parts = module.split(".")
    if parts[0] in _SHARED and len(parts) > 1:
        return "-".join(parts[:3])
    return _PACKAGES.get(parts[0]) or f"{parts[0].replace('_', '-')} (or the package that has this module)"

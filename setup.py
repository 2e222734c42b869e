"""Installs ColorNet: `pip install -e .`, with extras `test`, `gpu` and `beam`.

`experiments` and `tfrecords_tools` are top-level packages by decision.
"""

import pathlib

from setuptools import find_packages, setup

setup(
    name="colornet",
    version="0.2.0",
    description="Colorization for a monochrome-color dual-lens system (AAAI 2019)",
    long_description=pathlib.Path(__file__)
    .with_name("README.md")
    .read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    classifiers=[
        "Development Status :: 4 - Beta",
        "Intended Audience :: Science/Research",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Image Processing",
        "Typing :: Typed",
    ],
    python_requires=">=3.11",
    entry_points={"console_scripts": ["colornet = experiments.console:main"]},
    packages=find_packages(include=["colornet*", "experiments*", "tfrecords_tools*"]),
    package_data={
        "colornet": ["py.typed"],
        "colornet.pretrained": ["*.npz", "*.json", "*.md", "*.tsv"],
        "colornet.visualize": ["*.html"],
        "experiments.pages": ["*.html"],
    },
    install_requires=[
        "absl-py",
        "imagecodecs",  # tifffile needs it for compressed TIFF of 16 bit.
        "importlib_resources",  # tensorflow-datasets 4.9.10 does not declare it.
        "keras>=3.15",
        "numpy>=2",
        "pillow",
        "scikit-image",
        "scipy",
        "tensorboard",  # tensorflow 2.21 does not install it.
        "tensorflow>=2.21",
        "tensorflow-datasets>=4.9.10",
        "tifffile",
        "tqdm",
    ],
    extras_require={
        "beam": ["apache-beam"],
        "test": [
            "apache-beam",
            "ipykernel",
            "jax",
            "nbclient",
            "pytest",
            "pytest-xdist",
            "ruff",
        ],
        "gpu": ["tensorflow[and-cuda]>=2.21"],
    },
)

"""Packaging of the library: only ``lib/vreid`` is installed, the rooms run from the checkout."""

from setuptools import find_packages, setup

setup(
    name="vreid",
    version="0.1.0",
    description="Vehicle re-identification: find the same vehicle again in many cameras",
    license="Apache-2.0",
    python_requires=">=3.10",
    package_dir={"": "lib"},
    packages=find_packages("lib"),
    package_data={"vreid": ["py.typed"]},
    install_requires=[
        "torch>=2.4",
        "torchvision>=0.19",
        "timm>=1.0.15",
        "yacs>=0.1.8",
        "opencv-python-headless>=4.8",
        "numpy>=1.26",
        "scipy>=1.11",
        "scikit-learn>=1.3",
        "numba>=0.60",
        "pyyaml>=6.0",
        "huggingface_hub>=0.23",
        "safetensors>=0.4",
        "defusedxml>=0.7",
        "matplotlib>=3.8",
        "tensorboard>=2.14",
        "tqdm>=4.66",
    ],
    extras_require={
        "render": ["mitsuba>=3.6"],
        "segment": ["onnxruntime>=1.17"],
        "bench": ["faiss-cpu>=1.8", "pytorch-metric-learning>=2.5", "torchmetrics>=1.4"],
        "dev": [
            "mypy>=1.10",
            "onnx>=1.16",
            "onnxruntime>=1.17",
            "pytest>=8.0",
            "pytorch-metric-learning>=2.5",
            "ruff>=0.5",
            "types-PyYAML",
            "types-tqdm",
        ],
    },
)
